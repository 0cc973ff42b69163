// Package proof makes and checks proofs: small files that show, without any node or network, that a
// message is in the log, between which two blocks it was written, and how much work lies on it.
//
// The format and every step of the check are in docs/proof-format.md, which independent verifiers were
// written from; this package does the same steps in the same order. Decode and Verify take bytes from
// anybody: they are bounded, read no clock and no network, and every refusal is a Fault with a code.
//
// Without an anchor, a hash from a source that one trusts, a proof shows only that somebody paid
// Statement.WorkShown: headers can be made up for the price of their own bits. Statement keeps what is
// shown apart from what is claimed, and Anchored says what a trusted hash makes of the claims.
package proof
