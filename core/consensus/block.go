package consensus

import (
	"fmt"
	"slices"

	"p2pchain/core"
)

// CheckMessage judges a message alone: id, payload size, author, stamp, and the body if it has one
// (core.ErrBodyMismatch). The signature is left to CheckSignature and CheckSignatures, since it
// costs a hundred times more.
func CheckMessage(n *core.Network, m *core.Message) error {
	if err := checkID(n, m); err != nil {
		return err
	}
	if err := checkEnvelope(n, m); err != nil {
		return err
	}
	return m.CheckBody()
}

// checkID holds a message to its network: the id commits to the genesis hash.
func checkID(n *core.Network, m *core.Message) error {
	if m.Envelope.ID(n.Genesis) != m.ID {
		return ErrMessageID
	}
	return nil
}

// checkEnvelope judges what an envelope that gives its id says.
func checkEnvelope(n *core.Network, m *core.Message) error {
	p := &n.Params
	if uint64(m.PayloadSize) > uint64(p.MaxPayloadBytes) {
		return fmt.Errorf("%d bytes, at most %d: %w", m.PayloadSize, p.MaxPayloadBytes, ErrPayloadSize)
	}
	if len(p.Authors) > 0 {
		if _, ok := slices.BinarySearchFunc(p.Authors, m.Author, compareKeys); !ok {
			return fmt.Errorf("%v: %w", m.Author, ErrAuthor)
		}
	}
	if !core.Stamped(m.ID, p.StampBits) {
		return fmt.Errorf("fewer than %d zero bits: %w", p.StampBits, ErrStamp)
	}
	return nil
}

func compareKeys(a, b core.PublicKey) int { return core.Hash(a).Compare(core.Hash(b)) }

// CheckBlock judges the messages of a block whose header was judged before. Errors about one message
// are MessageErrors.
//
// The order matters. Ids and root come first, since only bytes that fit the header can say anything
// about the block: all that is found after them condemns it, until the bodies, which come last so
// that a block has the same verdict with them and without. Dropped bodies are no error here: see
// CheckBodies.
func CheckBlock(n *core.Network, b *core.Block) error {
	_, err := CheckBlocks(n, nil, []*core.Block{b})
	return err
}

// CheckBlocks is CheckBlock for blocks that one peer sent, whose signatures are checked together: a
// bad one triples what all of them cost. It returns how many from the start are good and, if not all
// are, what is wrong with the next one. Signatures that known remembers are not checked again.
func CheckBlocks(n *core.Network, known *Verified, blocks []*core.Block) (int, error) {
	var wrong error
	var msgs []*core.Message
	for i, b := range blocks {
		if wrong = checkUnsigned(n, b); wrong != nil {
			blocks = blocks[:i]
			break
		}
	}
	if len(blocks) == 1 {
		msgs = blocks[0].Messages
	} else {
		for _, b := range blocks {
			msgs = append(msgs, b.Messages...)
		}
	}
	if err := known.CheckSignatures(msgs); err != nil {
		bad, ok := err.(*MessageError)
		if !ok {
			return 0, err
		}
		i, at := 0, bad.Index
		for ; at >= len(blocks[i].Messages); i++ {
			at -= len(blocks[i].Messages)
		}
		blocks, wrong = blocks[:i], &MessageError{Index: at, ID: bad.ID, Rule: bad.Rule}
	}
	for i, b := range blocks {
		if err := checkEach(b.Messages, (*core.Message).CheckBody); err != nil {
			return i, err
		}
	}
	return len(blocks), wrong
}

// checkUnsigned judges all but signatures and bodies.
func checkUnsigned(n *core.Network, b *core.Block) error {
	if err := checkEach(b.Messages, func(m *core.Message) error { return checkID(n, m) }); err != nil {
		return err
	}
	if root := core.MessageRoot(b.Leaves()); root != b.Header.MessageRoot {
		return fmt.Errorf("%v, want %v: %w", root, b.Header.MessageRoot, ErrMessageRoot)
	}
	if uint64(b.Header.MessageCount) != uint64(len(b.Messages)) {
		return fmt.Errorf("%d, header says %d: %w", len(b.Messages), b.Header.MessageCount, ErrMessageCount)
	}
	if size := b.Size(); size > n.Params.MaxBlockBytes {
		return fmt.Errorf("%d bytes, at most %d: %w", size, n.Params.MaxBlockBytes, ErrBlockSize)
	}
	seen := make(map[core.Hash]struct{}, len(b.Messages))
	return checkEach(b.Messages, func(m *core.Message) error {
		if _, twice := seen[m.ID]; twice {
			return ErrDuplicate
		}
		seen[m.ID] = struct{}{}
		return checkEnvelope(n, m)
	})
}

// CheckBodies returns ErrBodyMissing where a body was dropped. A block that is not settled needs all
// of them to be connected; later a missing one is a gap, never an error.
func CheckBodies(b *core.Block) error {
	return checkEach(b.Messages, func(m *core.Message) error {
		if m.Body == nil {
			return ErrBodyMissing
		}
		return nil
	})
}

// CheckFit reports whether the messages of a block are the ones that its header commits to, down to the
// bodies that came: only then does a broken rule in them say something about the block. Its errors,
// ErrMessageRoot and core.ErrBodyMismatch, are the sender's fault.
func CheckFit(b *core.Block) error {
	if core.MessageRoot(b.Leaves()) != b.Header.MessageRoot {
		return ErrMessageRoot
	}
	return checkEach(b.Messages, (*core.Message).CheckBody)
}

// checkEach returns the first message's error as a MessageError.
func checkEach(msgs []*core.Message, check func(*core.Message) error) error {
	for i, m := range msgs {
		if err := check(m); err != nil {
			return &MessageError{Index: i, ID: m.ID, Rule: err}
		}
	}
	return nil
}
