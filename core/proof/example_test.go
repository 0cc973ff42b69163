package proof_test

import (
	"fmt"
	"os"

	"p2pchain/core/proof"
)

// A proof is checked without a node and without a network. What it shows by itself is what it cost to make;
// a hash from a source that one trusts makes its claims true.
func Example() {
	file, err := os.ReadFile("testdata/mined.p2pproof")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := proof.Decode(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := p.Verify()
	if err != nil {
		fmt.Println(err) // a *proof.Fault, with a code
		return
	}
	fmt.Printf("%q is in block %d\n", s.Message.Body.Payload, s.Block.Height)
	fmt.Printf("claimed: %d blocks on top; shown: %d\n", s.Confirmations, s.ConfirmationsShown)

	trusted := s.TipHash // from a node of one's own, or from a newspaper
	weight, ok := s.Anchored(trusted)
	fmt.Printf("anchored: %v, so %d blocks are on top\n", ok, weight.Confirmations)
	// Output:
	// "The door was locked at nine." is in block 5
	// claimed: 3 blocks on top; shown: 2
	// anchored: true, so 3 blocks are on top
}
