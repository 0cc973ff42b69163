// Package backup keeps the chain of a running node as a chain file beside its store (see
// core/chainfile): a file that a person can read, any program can parse, and import rebuilds a node
// from. Seed 1 kept its chain so.
//
// # Files
//
// In the data directory, NAME being that of the network:
//
//	NAME.chain              the chain: settled blocks while the node runs, all of them after it stopped
//	NAME.hash               hex SHA-256 of NAME.chain
//	NAME.chain.state        where that hash stands, so that nothing is read to go on with it
//	NAME_DATE_TIME.chain    what a reorg of settled blocks took out of NAME.chain, a chain file too
//
// # What a pass does
//
// A Job makes a pass at the start, then every 30 s, and one at the end. A pass appends the lines of
// new blocks, syncs the file, and then replaces state and hash, each by rename. It reads nothing back.
//
// The job owns what it knows of the file only as long as all goes well. After an error it forgets all
// of it, and the next pass begins as the first one after a kill does: the state names two places
// between lines, the end and the last one that was settled. The later one of them that the file
// still has, on a block that is on the best chain, is where the job goes on; it is enough to read the
// header in front of it. Lines after it, as a kill leaves them, are compared with what the chain
// would write, and the file is cut where they differ. Only where neither place holds (a reorg below
// both, a file that was changed, a lost state) is the file compared from its start.
//
// So the hash is that of what was written. A disk that changes a byte later is found by whoever
// compares NAME.hash with sha256sum; the job does not give such a file a new hash.
//
// What was erased is taken out by Rewrite: of the current file and of those that reorgs left, each written
// anew beside the old one and renamed, with its state and hash after it. What follows a line that cannot be
// read is left out of a file that is written anew, since nobody can say what it holds.
//
// A kill at any moment leaves a file whose whole lines, but for the last few, are those of the best
// chain. Nothing that goes wrong here stops the node: it is logged once, and tried again.
package backup
