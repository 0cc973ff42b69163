// Command trust computes the tables of docs/trust.md and writes them into the page:
//
//	go run ./cmd/internal/trust docs/trust.md
//
// The page's first two tables are its input: how fast machines hash, what they cost, and how large the
// network is. Whoever doubts a figure changes it there and runs the program again. All other tables
// stand between <!-- NAME --> and <!-- end --> and are replaced. A test holds that the page in the
// repository is what the program writes.
//
// Simulations grow branches of headers by Poisson mining with the rule that the nodes use
// (consensus.NextBits), from a fixed seed, so two runs write the same page.
package main
