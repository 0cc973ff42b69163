package mempool

import "p2pchain/core"

// IndexOf returns an index of the leaf hashes of messages, to see what it costs.
func IndexOf(msgs []*core.Message) any {
	x := newLeafIndex()
	for _, m := range msgs {
		x.add(m.Leaf(), false)
	}
	return x
}
