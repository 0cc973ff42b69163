package chainfile

import (
	"bytes"

	"p2pchain/core"
)

// IDs returns the ids of the messages in the line, at a fraction of the price of Block. It judges nothing:
// what does not have the form of an id is left out.
func (l Line) IDs() []core.Hash {
	// Strings escape their quotes, so this begins nothing but a message.
	const member = `{"id":"`
	var ids []core.Hash
	for rest := []byte(l); ; {
		i := bytes.Index(rest, []byte(member))
		if i < 0 {
			return ids
		}
		rest = rest[i+len(member):]
		if len(rest) < 2*core.HashSize {
			return ids
		}
		var id core.Hash
		if readHex(id[:], rest[:2*core.HashSize]) == nil {
			ids = append(ids, id)
		}
	}
}
