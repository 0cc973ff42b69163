// Package mempool keeps the messages that wait for a block.
//
// All of them are on disk, in the Store; the oldest are in memory too, as many as a fixed number of
// bytes allows, since those are the ones that the next block is made of. Nothing here is a rule of
// the chain: which messages a node takes in, and how many, is its own choice.
//
// What was accepted is durable when Add returns, and nothing that waits is ever dropped: it leaves
// when a block seals it, and comes back when a reorg takes that block off the chain. Limits
// therefore act at the door only: see Config and the comment on shares.
//
// A Pool follows its chain lazily. Template and Run pull the changes from the chain, so a slow
// reader can only make the pool older, never wrong.
package mempool
