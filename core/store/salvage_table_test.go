package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
)

// TestTableWithoutIndex reads a table whose end is gone and which is damaged in the middle: all blocks but
// that one are found by their checksums.
func TestTableWithoutIndex(t *testing.T) {
	coretest.Sequential(t)
	n, dir := coretest.Network(t), t.TempDir()
	s := openReal(t, dir, n)
	connect(t, s, coretest.Chain(t, n, coretest.Genesis(n), 40, 20)...)
	closeNow(t, s)
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	content, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	count := func(edit func([]byte) []byte) (entries, lost int) {
		path := filepath.Join(t.TempDir(), "000001.sst")
		if err := os.WriteFile(path, edit(append([]byte{}, content...)), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := openTable(vfs.Default, path)
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		lost, err = table.each(t.Context(), func(version) error { entries++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return entries, lost
	}
	all, lost := count(func(b []byte) []byte { return b })
	if all < 1000 || lost != 0 {
		t.Fatalf("%d entries, %d blocks lost in a whole table", all, lost)
	}
	noIndex := func(b []byte) []byte { return b[:len(b)-8] }
	if got, _ := count(noIndex); got < all {
		t.Errorf("%d of %d entries without an index", got, all)
	}
	rng := random.Source(t)
	for range 20 {
		at := rng.IntN(len(content) * 9 / 10)
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			damage := func(b []byte) []byte { b[at] ^= 0x10; return b }
			kept, _ := count(damage)
			got, lost := count(func(b []byte) []byte { return noIndex(damage(b)) })
			if lost == 0 || got < kept*95/100 || kept == all && got == all {
				t.Errorf("%d entries without an index, %d with one, %d in all; %d lost", got, kept, all, lost)
			}
		})
	}
}
