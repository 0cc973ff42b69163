// Package filler asks peers for bodies that are missing here.
//
// A settled block is taken without some of its bodies where nobody gave them, so that a network of which
// every node dropped old payloads still syncs. What is missing then, although nobody erased it and this
// node did not choose to drop it, is a gap. The filler goes down the list of gaps with each peer that says
// it has those bodies, one request at a time in all and a bounded number of messages in each. A peer with
// nothing to give is asked ever less often, so that bodies which nobody has cost next to nothing.
//
// Nothing that a peer sends is believed: a body that does not fit its envelope's commitment is a broken
// rule, and one that is not a gap any more, since it was erased meanwhile, is dropped by the store.
package filler
