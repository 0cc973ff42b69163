package demo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// flipped is how many bytes of a file are damaged.
const flipped = 8

// errNothing means that there is no file that can be damaged.
var errNothing = errors.New("nothing is stored yet")

// A damage is what was done to a file.
type damage struct {
	File          string
	Offset        int
	Before, After []byte
}

// flip turns every bit of some bytes in the largest file of a store, as a disk may do that fails. The store
// must not be open.
func flip(dir string) (damage, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return damage{}, err
	}
	var d damage
	var content []byte
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return damage{}, err
		}
		if len(bytes.TrimRight(b, "\x00")) > len(bytes.TrimRight(content, "\x00")) {
			d.File, content = e.Name(), b
		}
	}
	// The end of a log looks like this after any crash, so the damage is rather at its beginning.
	d.Offset = len(bytes.TrimRight(content, "\x00")) / 4
	if d.Offset < flipped {
		return damage{}, errNothing
	}
	d.Before = bytes.Clone(content[d.Offset : d.Offset+flipped])
	for i := range flipped {
		content[d.Offset+i] ^= 0xff
	}
	d.After = content[d.Offset : d.Offset+flipped]
	if err := os.WriteFile(filepath.Join(dir, d.File), content, 0o600); err != nil {
		return damage{}, fmt.Errorf("damaging %s: %w", d.File, err)
	}
	return d, nil
}
