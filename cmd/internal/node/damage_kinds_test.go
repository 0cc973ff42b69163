package node

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A harm is what was done to a store.
type harm struct {
	kind, file string
	logEnd     bool // at the end of a log: nothing can tell it from what a crash leaves
}

// unproven is how much of a log at its end nothing behind it says of that it was synced: the last writes,
// which are the larger the longer a busy disk takes for those before them.
const unproven = 32 << 10

func (h harm) String() string { return h.kind + " " + h.file }

// kinds is how many kinds of harm there are.
const kinds = 5

// damageStore does harm of a kind to the files of a store. Which file is hit depends on how large it is, as on
// a disk that fails, or on nothing, as where somebody deletes one.
func damageStore(t *testing.T, rng *rand.Rand, dir string, kind int) harm {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "LOCK" {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	name := pick(t, rng, dir, names)
	path := filepath.Join(dir, name)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := harm{file: name}
	isLog := strings.HasSuffix(name, ".log")
	end := len(content)
	if isLog { // what follows the records is room for more
		for end > 0 && content[end-1] == 0 {
			end--
		}
	}
	if end == 0 { // a marker has its content in its name
		kind = 4
	}
	switch kind {
	case 0:
		h.kind = "flipped bits"
		for range 1 + rng.IntN(3) {
			at := rng.IntN(end)
			content[at] ^= 1 << rng.IntN(8)
			h.logEnd = h.logEnd || isLog && at > end-unproven // the proof of the others is gone
		}
		err = os.WriteFile(path, content, 0o600)
	case 1:
		h.kind = "zeroed page"
		from := rng.IntN(end) / 4096 * 4096
		h.logEnd = isLog && from > end-unproven
		clear(content[from:min(from+4096, len(content))])
		err = os.WriteFile(path, content, 0o600)
	case 2:
		h.kind, h.logEnd = "truncated", isLog
		err = os.Truncate(path, int64(rng.IntN(end)))
	case 3:
		h.kind = "swapped"
		other := names[rng.IntN(len(names))]
		for range 10 { // rather with one of its kind
			if other != name && filepath.Ext(other) == filepath.Ext(name) {
				break
			}
			other = names[rng.IntN(len(names))]
		}
		h.file += " with " + other
		err = swap(path, filepath.Join(dir, other))
	case 4:
		h.kind = "deleted"
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// pick chooses a file: mostly one of the large ones, as a disk does that fails.
func pick(t *testing.T, rng *rand.Rand, dir string, names []string) string {
	t.Helper()
	if rng.IntN(3) == 0 {
		return names[rng.IntN(len(names))]
	}
	var sizes []int
	total := 0
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, int(info.Size()))
		total += int(info.Size())
	}
	at := rng.IntN(total)
	for i, size := range sizes {
		if at -= size; at < 0 {
			return names[i]
		}
	}
	return names[0]
}

func swap(a, b string) error {
	if a == b {
		return nil
	}
	for _, step := range [][2]string{{a, a + ".tmp"}, {b, a}, {a + ".tmp", b}} {
		if err := os.Rename(step[0], step[1]); err != nil {
			return fmt.Errorf("swapping: %w", err)
		}
	}
	return nil
}
