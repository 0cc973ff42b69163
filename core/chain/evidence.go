package chain

import (
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/document"
)

// maxForged ends the search for authors' wishes among messages of which so many are not what they say.
const maxForged = 16

// Excuse reports whether a block that lacks bodies may be connected all the same, though it is not settled:
// the author of each of them asked for that, so nobody need have them. It looks for such wishes in blocks
// nearby, in which they may be sealed, judges them as any message, and hands them to Config.Honour if they
// are about all that is missing. A forged one is none; what that makes of its block is not judged here.
func (c *Chain) Excuse(bare *core.Block, near []*core.Block) (bool, error) {
	missing := make(map[core.Hash]core.PublicKey)
	for _, m := range bare.Messages {
		if m.Body == nil && (c.cfg.Erased == nil || !c.cfg.Erased(m)) {
			missing[m.ID] = m.Author
		}
	}
	if len(missing) == 0 {
		return true, nil
	}
	if c.cfg.Honour == nil || len(near) == 0 {
		return false, nil
	}
	for _, m := range bare.Messages { // the author is who the id says
		_, is := missing[m.ID]
		if is && (m.MediaType == document.EraseType || consensus.CheckMessage(c.network, m) != nil) {
			return false, nil
		}
	}
	asks, err := c.signed(wishes(missing, near), len(missing))
	if err != nil || asks == nil {
		return false, err
	}
	if err := c.cfg.Honour(asks); err != nil {
		return false, fmt.Errorf("noting why bodies of block %v are missing: %w", bare.Header.Hash(), err)
	}
	return true, nil
}

// wishes returns the messages in some blocks that ask, in the name of their authors, to erase missing ones.
func wishes(missing map[core.Hash]core.PublicKey, near []*core.Block) []*core.Message {
	var out []*core.Message
	for _, b := range near {
		for _, m := range b.Messages {
			target, ok := document.Erased(m)
			if author, wanted := missing[target]; ok && wanted && author == m.Author {
				out = append(out, m)
			}
		}
	}
	return out
}

// signed returns one good message for each of so many targets, and nil where there is none for some. Targets
// are counted before signatures are checked: what cannot be enough costs nothing.
func (c *Chain) signed(asks []*core.Message, targets int) ([]*core.Message, error) {
	forged := 0
	for from := 0; count(asks) == targets && from < len(asks); {
		at, err := c.firstForged(asks[from:])
		if err != nil {
			return nil, err
		}
		if from += at; from == len(asks) {
			return asks, nil
		}
		if forged++; forged > maxForged {
			asks = asks[:from]
			break
		}
		asks = append(asks[:from:from], asks[from+1:]...)
	}
	if count(asks) < targets {
		return nil, nil
	}
	return asks, nil
}

// count returns how many messages some wishes are about.
func count(asks []*core.Message) int {
	targets := make(map[core.Hash]bool, len(asks))
	for _, m := range asks {
		if target, ok := document.Erased(m); ok {
			targets[target] = true
		}
	}
	return len(targets)
}

// firstForged returns where the first message is that breaks a rule, or how many there are.
func (c *Chain) firstForged(msgs []*core.Message) (int, error) {
	end := len(msgs)
	for i, m := range msgs {
		if consensus.CheckMessage(c.network, m) != nil {
			end = i
			break
		}
	}
	err := c.cfg.Verified.CheckSignatures(msgs[:end])
	if bad := new(consensus.MessageError); errors.As(err, &bad) {
		return bad.Index, nil
	}
	return end, err
}
