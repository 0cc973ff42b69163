// Package gossip spreads messages and blocks over two GossipSub topics, judges what arrives there,
// and reconciles waiting messages with single peers, since gossip alone guarantees nothing.
//
// Messages travel in bundles that their origin makes. A receiver forwards a bundle untouched if at
// least half of it was new and all of it is valid; of other bundles it takes what is new. Blocks
// travel whole where they are small, and as their header with a short id of each message otherwise:
// the proof of work is checked before anything else, and one header is forwarded once, in whatever
// form it comes. What the header does not bind never decides about a block: messages that do not fit
// it are the sender's fault. Short ids are nobody's: after the block was forwarded, a few workers look
// for its messages among those that are here, and ask the announcers for the rest.
//
// Validators are inline and cheap first. Only faults that every node would see alike, whatever it
// knows, are rejected (the sender's score falls); what we cannot judge, or failed to judge, is
// ignored. The wire formats are in docs/protocol.md.
package gossip
