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

// flip turns every bit of some bytes in the largest table of a store, as a disk may do that fails, or in its
// largest file where it has none. The store must not be open.
func flip(dir string) (damage, error) {
	var d damage
	var content []byte
	for _, pattern := range []string{"*.sst", "*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return damage{}, err
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				return damage{}, err
			}
			if b = bytes.TrimRight(b, "\x00"); len(b) > len(content) { // logs end with room for more
				d.File, content = filepath.Base(path), b
			}
		}
		if len(content) > 0 {
			break
		}
	}
	if d.Offset = len(content) / 4; d.Offset < flipped {
		return damage{}, errNothing
	}
	f, err := os.OpenFile(filepath.Join(dir, d.File), os.O_WRONLY, 0)
	if err != nil {
		return damage{}, err
	}
	d.Before = content[d.Offset : d.Offset+flipped]
	for _, b := range d.Before {
		d.After = append(d.After, ^b)
	}
	_, err = f.WriteAt(d.After, int64(d.Offset))
	if err = errors.Join(err, f.Close()); err != nil {
		return damage{}, fmt.Errorf("damaging %s: %w", d.File, err)
	}
	return d, nil
}
