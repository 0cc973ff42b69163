// Package consensus holds the rules on which all nodes must agree (docs/formats.md, Rules).
//
// Its functions are pure: they read no clock, disk or network, and "now" is an argument. Every rule
// has one sentinel error, and a test holds that each sentinel has an accepting and a rejecting case.
//
// A block is judged in three steps, each cheaper to refuse than the next: CheckHeader on its parent,
// CheckBlock on its messages, and, by whoever knows the branch, that no message stands on it twice
// (ErrDuplicate). ClassOf says what to do about an error; Condemns says whether it damns the block
// or only the sender of the bytes.
//
// Units: heights start at 0 (genesis), times are Unix milliseconds, sizes are bytes, and work is the
// expected number of hashes as an unsigned 128-bit integer.
package consensus
