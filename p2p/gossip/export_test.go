package gossip

import "p2pchain/core"

// Bundle packs messages into one bundle, for tests of whole nodes.
func Bundle(msgs ...*core.Message) []byte {
	var b bundler
	for _, m := range msgs {
		b.add(m)
	}
	return b.take()
}
