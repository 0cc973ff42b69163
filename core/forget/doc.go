// Package forget has a node forget: payloads that their authors or the operator erased, and, where that is
// asked for, payloads that are old.
//
// The store does the work and remembers what is left to do (see core/store: Erase, Tidy, Prune); this
// package decides when. It follows the chain and the pool, so what is erased while its block is young is
// dropped as soon as it is settled, and a message that asks to forget another one is honoured when both are
// here, whichever came first. Only an author's wish about his own messages counts.
//
// A message goes in three steps. It is hidden from everybody at once, by a mark. When all its blocks are
// settled, salt and payload are dropped from its record; envelope, signature and place stay, so every hash,
// signature and proof stays valid, and the body is never taken again. Last, the bytes leave the files: old
// logs and tables of the store, and chain files. What a crash interrupts is gone on with.
//
// Pruning drops all bodies of blocks older than a given time, but for messages that ask to forget. It
// begins, and goes on, only while a connected peer says that it has them all, since a network in which
// nobody has old payloads has lost them.
package forget
