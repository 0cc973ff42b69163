// Package syncer brings the chain up to that of the peers: headers first, then the blocks of the
// best header branch from all peers at once, in order into the chain.
//
// What to ask of whom, and when to give up on a peer, is decided by a plan: a pure state machine of
// events and actions (the files plan*.go). The Syncer is the thin shell around
// it that asks peers and the chain. Nothing of a sync needs to be remembered: whatever the chain has
// is where the next one goes on, so it can stop and start at any time.
//
// A branch whose headers show too little work so far is walked twice: a first pass keeps 40 bytes a
// page, and only what it proved to have enough work is taken by the second. So is a fork that is
// deeper than the headers that may be remembered ahead of their blocks. Blocks are fetched for the
// best header branch only, within a window of blocks and bytes; one whose next block nobody has is
// set aside for a while. A peer without progress for the time of patience loses what it was asked
// for to others; the next time it is disconnected, but not banned. Patience starts at 2 s, doubles when
// peers stall, up to 64 s, and shrinks with every batch of valid blocks, so that slow links are not
// taken for hostile peers.
package syncer
