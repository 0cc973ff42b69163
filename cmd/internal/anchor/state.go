package anchor

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
)

// ErrDamaged means that a state file is not what was written.
var ErrDamaged = errors.New("damaged state of a log")

const stateFormat = "p2pchain-anchor-state/1"

// A mark is a generation as it stood at its last anchor.
type mark struct {
	Generation string    `json:"generation"`
	Began      string    `json:"began"`
	Sequence   uint64    `json:"sequence"` // of the last anchor, 0: none yet
	TimeMS     uint64    `json:"time_ms"`  // of that
	Link       core.Hash `json:"link"`     // SHA-256 of the payload of the last anchor, or of the one before the generation

	File   string `json:"file"`   // which file it is, as the system names it; empty where it does not
	Folder string `json:"folder"` // where a renamed file may be

	Length  uint64    `json:"length"`
	Lines   uint64    `json:"lines"`
	Partial uint64    `json:"partial"`
	SHA256  []byte    `json:"sha256"` // state of the hash over all of Length
	Heads   []headSum `json:"heads"`  // shorter ones first
	Tail    core.Hash `json:"tail"`   // SHA-256 of the last window bytes of Length, or of all
}

// A headSum tells a beginning of a file again, without keeping what it says.
type headSum struct {
	Bytes  int       `json:"bytes"`
	SHA256 core.Hash `json:"sha256"`
}

// An unsent anchor is one that the node may lack.
type unsent struct {
	Key     string `json:"key"`
	Payload []byte `json:"payload"`
}

// A state is what the state file of a log holds.
type state struct {
	Format  string  `json:"format"`
	Path    string  `json:"path"` // of the log, for people
	Current *mark   `json:"current"`
	Older   []*mark `json:"older,omitempty"` // that may still grow
	Unsent  *unsent `json:"unsent,omitempty"`
	// Messages are ids of the last anchors that the node has, newest last, for people: nothing is read
	// from here.
	Messages []core.Hash `json:"messages,omitempty"`
}

// mostMessages is how many ids a state keeps.
const mostMessages = 16

// readState returns what was written last; fs.ErrNotExist, ErrDamaged.
func readState(path string) (*state, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	sum := core.Hash(sha256.Sum256(line))
	s := new(state)
	switch {
	case string(rest) != sum.String()+"\n":
		return nil, fmt.Errorf("%s: %w: its hash does not fit", path, ErrDamaged)
	case json.Unmarshal(line, s) != nil || s.Format != stateFormat:
		return nil, fmt.Errorf("%s: %w: it is not of this version", path, ErrDamaged)
	}
	return s, nil
}

// writeState replaces a state. On return the new one is on the disk; after a kill there is the old or
// the new one.
func writeState(path string, s *state) error {
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sum := core.Hash(sha256.Sum256(line))
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(string(line) + "\n" + sum.String() + "\n"))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", temporary, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes names durable.
func syncFolder(path string) error {
	dir, err := vfs.Default.OpenDir(path) // which knows the systems that cannot
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// headSums returns what tells a beginning again at every size: hashes of 1, 2, 4, … bytes, and of all.
func headSums(head []byte) []headSum {
	var out []headSum
	for n := 1; n < len(head); n *= 2 {
		out = append(out, headSum{n, sha256.Sum256(head[:n])})
	}
	if len(head) > 0 {
		out = append(out, headSum{len(head), sha256.Sum256(head)})
	}
	return out
}
