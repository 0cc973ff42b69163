// Package chain keeps the best chain: the valid chain with the most work.
//
// A Chain owns the tip and the tree of headers that are not on the best chain. Blocks come in by
// AddHeaders and AddBlocks, are judged by core/consensus, and leave as one Change to the Store.
// Others follow the tip by Subscribe and UpdatesSince: they are poked, then pull from their own last
// position, so a slow follower never holds the chain up and never misses a reorg.
//
// Blocks are validated in full when they are stored, on a side branch too, so a reorg itself can
// fail only where the disk does.
package chain
