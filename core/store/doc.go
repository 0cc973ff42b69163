// Package store keeps blocks, messages and the waiting messages of one network in a Pebble database.
//
// A Store implements chain.Store and mempool.Store, and keeps the peer book. It judges no rule of
// consensus: whoever writes has checked what is written. It is safe for concurrent use.
//
// # What holds
//
// A message is kept once, in a slot. Slots are numbered in the order in which messages come, so that
// those of a block that was fetched lie side by side: they are written and given away again in one
// sweep, whatever their ids. What waits, and what is sealed where, are pointers: sealing a message, or
// giving it back in a reorg, moves pointers only. The index leads from an id to its slot, and to its
// places: every stored block that holds the message, off the best chain too, so a reorg does not touch
// them; whether a place counts is one look at the height index. A message is deleted when the last
// pointer to it goes.
//
// Every write is one batch. One mutex orders them: what a write depends on is read, and the batch
// applied, under that mutex; waiting for the disk happens outside it, so that writers share an fsync.
// A change of the chain that is too large for one batch is journalled (see journal.go) and is still
// all or nothing, also for readers, who see the state before it until it is complete.
//
// # Bodies that are missing
//
// A body is missing for one of three reasons, which Check tells apart: it was erased for good, it was
// pruned, or it never came with a settled block, which is a gap at each place of the message. What was
// erased is remembered by message and is never taken again. What was pruned is remembered as one place: all
// below it may be missing. Gaps are entries, which are filled and closed.
//
// A message without its body does not wait after a reorg, not even one that was deeper than what is settled:
// a block that we made of it would be refused by all. If its body was pruned or never came, any node that
// has it gives it back among its own waiting messages, and brings it here with them, or in a block. If it
// was erased here, it is known as sealed to whoever brings it, and a block that holds it is stored without
// its body (see chain.Config.Erased). Should every node have erased it, only the side block has it: to be
// forgotten is what its author asked for.
//
// # Key table
//
// A key is one byte of prefix and the parts below. All integers are big-endian, so key order is
// height order. A value is one byte of version, always 1, and the parts below.
//
//	prefix            key                 value
//	0x01 meta         —                   magic(8) schema(4) genesis(32) network(1+n) created-by(1+n)
//	0x02 tip          —                   hash(32) height(8)
//	0x03 sequence     —                   next number of a waiting message(8)
//	0x04 journal      —                   see journal.go; only while a long change is under way
//	0x05 forgotten    —                   epoch(8) next erasure(8) pruned height(8) pruned position(8) bodies(8)
//	                                      first(8) and end(8) of the slots whose bodies may still be in files
//	0x10 entry        block hash(32)      first seen ms(8) header(152)
//	0x11 height       height(8)           block hash(32); of the best chain
//	0x12 history      level(1) index(8)   node(32) of the RFC 6962 tree over the best chain, level ≥ 1
//	0x13 leaves       height(8) hash(32)  for each message of the block: leaf(96) slot(8)
//	0x14 side         block hash(32)      —; a stored block off the best chain
//	0x15 condemned    block hash(32)      first seen ms(8) header(152) reason(n)
//	0x20 record       slot(8)             flags(1) accepted ms(8) message(182+n); its body may be missing
//	0x22 index        message id(32)      flags(1) slot(8), for each place: height(8) position(4) block hash(32)
//	0x23 waiting      sequence(8)         flags(1) accepted ms(8) size(4) message id(32)
//	0x24 waiting id   message id(32)      sequence(8) size(4)
//	0x25 digest       SHA-256 of a file or of a manifest(32) slot(8)
//	                                      message id(32); and under the prefix alone nothing: the index is complete
//	0x26 erasure      message id(32)      flags(1) number(8) time ms(8) author(32) message that asked for it(32)
//	0x27 gap          height(8) position(4) block hash(32)
//	                                      message id(32)
//	0x28 erased       number(8)           message id(32)
//	0x29 errand       message id(32)      stage(1) slot(8); what is left to do for an erased message
//	0x2a claim        message id(32) author(32)
//	                                      time ms(8) message that asks to erase it(32)
//	0x30 reorg        number(8)           time ms(8) old tip(32) new tip(32) fork(32) reverted(4) applied(4) returned(4)
//	0x31 peer         peer id(n)          opaque(n)
//	0x32 note         day(4) SHA-256 of an idempotency key(32) number of the first message(4)
//	                                      flags(1) stored ms(8) SHA-256 of the request(32), for each message: result(1) id(32)
//
// Flags are 1 for local and 2, in the index, for a body that is not here, of an erasure 1 for settled, that is
// dropped for good, and 2 for one that the author asked for, 2 of a waiting message for one that a
// reorg gave back, and 1, of a note, for the last part of a request. Records of the first programs end before returned. A message is envelope,
// signature and body, as it travels; the signature is the first that came, and what a block commits to
// is in its leaf. The leaves of level 0 of the history tree follow from the height index and are not
// stored.
package store
