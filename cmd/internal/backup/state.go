package backup

import (
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"hash"

	"p2pchain/core"
	"p2pchain/core/chainfile"
)

// A mark is a place between two lines of the file.
type mark struct {
	Size   int64     `json:"size"`   // bytes before it
	Height uint64    `json:"height"` // of the block in the line before it
	Hash   core.Hash `json:"hash"`   // of that block
	SHA256 []byte    `json:"sha256"` // state of the hash over all before it
}

// A state is what NAME.chain.state holds.
type state struct {
	End     mark `json:"end"`
	Settled mark `json:"settled"` // a place with settled blocks only before it
	// SettledHeight is that of the last block in the file that was settled when this was written: it
	// may be above Settled, but not above End.
	SettledHeight uint64 `json:"settled_height"`
}

// sum returns the hash as it stood at the mark, nil where nobody can tell.
func (m *mark) sum() hash.Hash {
	sum := sha256.New()
	if err := sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(m.SHA256); err != nil {
		return nil
	}
	return sum
}

// keepSum writes down how the hash stands.
func (m *mark) keepSum(sum hash.Hash) error {
	var err error
	m.SHA256, err = sum.(encoding.BinaryMarshaler).MarshalBinary()
	return err
}

// isIn reports whether a file has the line before the mark.
func (m *mark) isIn(f file) bool {
	_, h, err := chainfile.LastLine(f, m.Size)
	return err == nil && h.Height == m.Height && h.Hash() == m.Hash
}

// readState returns what was written down last; nothing where it cannot be read.
func readState(d disk, path string) (s state, ok bool) {
	text, err := d.Read(path)
	if err != nil || json.Unmarshal(text, &s) != nil {
		return state{}, false
	}
	return s, true
}
