// Package core holds the nouns of the chain and their bytes: hashes, headers, messages, blocks,
// network parameters, targets, work and Merkle roots.
//
// Everything here is pure: nothing reads a clock, a disk or a network, and the package imports
// nothing else of this module. The rules that judge these values live in core/consensus; here a
// decoder only says whether bytes have the one form that docs/formats.md gives them. Every
// decoder is bounded, rejects trailing bytes, and re-encodes to the same bytes.
//
// Units: heights start at 0 (genesis), times are Unix milliseconds, sizes are bytes, and work is
// the expected number of hashes. All integers are big-endian. Values are plain data and safe for
// concurrent use as long as nobody changes them.
package core
