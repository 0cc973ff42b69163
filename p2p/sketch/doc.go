// Package sketch finds what two sets of hashes do not have in common, at a cost that depends on how
// much that is and not on the sets.
//
// A Sketch is an invertible Bloom lookup table (Eppstein, Goodrich, Uyeda and Varghese, "What's the
// Difference? Efficient Set Reconciliation without Prior Context", SIGCOMM 2011). It has m cells in
// four rows of m/4; m is a power of two. Each hash is in one cell of each row. A cell holds the
// number of its hashes, their sum, and the sum of their check values; sums are by exclusive or. Where
// the sketch of one set is taken from that of another, what both have cancels out. A cell that is left
// with a single hash gives it away, which takes it out of three more cells, and so on. The two sets
// may differ in about 0.7 m hashes for that to come to its end.
//
// The check value of a hash is its SipHash-2-4 under a random key, as a number h of 64 bits; its cell
// in row i (0 to 3) is (h >> 16·i) mod m/4. Who writes messages can choose their ids to some degree,
// but cannot know the key, so nobody can aim at a cell. A sketch folds: m/2 cells follow from m cells
// by adding the two halves of each row, so one walk over a set serves for every size.
package sketch
