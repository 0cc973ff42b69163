package anchor_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"p2pchain/core"
)

// TestChangedWhileRead writes a file anew again and again while it is read: no anchor is of bytes that
// never were in the file together.
func TestChangedWhileRead(t *testing.T) {
	p := newPlace(t)
	version := func(n int) []byte {
		return bytes.Repeat(fmt.Appendf(nil, "version %02d of this file\n", n), 120_000)
	}
	must(t, os.WriteFile(p.log, nil, 0o644))
	cfg := p.config()
	cfg.Interval = time.Millisecond
	stop := p.follow(cfg)
	versions := 0
	for start := time.Now(); versions < 30 && time.Since(start) < 10*time.Second; versions++ {
		must(t, os.WriteFile(p.log, version(versions), 0o644))
		time.Sleep(time.Duration(versions*37%60) * time.Millisecond) // about as long as it takes to read it
	}
	time.Sleep(20 * time.Millisecond)
	stop()
	lengths := make(map[uint64]bool)
	anchors := p.chain.anchors(t)
	for _, a := range anchors {
		lengths[a.Length] = true
	}
	seen := make(map[core.Hash]bool)
	for n := range versions {
		text, h, at := version(n), sha256.New(), uint64(0)
		for _, length := range slices.Sorted(maps.Keys(lengths)) {
			if length > uint64(len(text)) {
				break
			}
			h.Write(text[at:length])
			at = length
			seen[core.Hash(h.Sum(nil))] = true
		}
	}
	for i, a := range anchors {
		if !seen[a.SHA256] {
			t.Errorf("anchor %d is of no version: %v", i, a)
		}
	}
	if len(anchors) < 3 || versions < 10 {
		t.Errorf("void: %d anchors of %d lengths, %d versions", len(anchors), len(lengths), versions)
	}
	t.Logf("%d anchors of %d lengths, %d versions", len(anchors), len(lengths), versions)
}
