package consensus_test

import (
	"fmt"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// A header that claims more than it may is refused by name, and its class says what to do.
func ExampleCheckHeader() {
	params, _ := core.Builtin("test")
	network, _ := core.NewNetwork(params)
	history := core.Frontier{}.Append(network.Genesis)

	header := core.Header{Height: 1, PreviousHash: network.Genesis, TimeMS: network.Header.TimeMS + 10, BusyMS: 11}
	err := consensus.CheckHeader(network, &network.Header, network.Genesis, history, &header)
	fmt.Println(err)
	fmt.Println(consensus.ClassOf(err), consensus.Condemns(err))
	// Output:
	// 11 ms, want 1 to 10: busy time out of range
	// broken rule true
}

// Seed 1's first proof of work at difficulty 3.
func ExampleClassicProof() {
	var genesis core.Header
	proof := uint64(0)
	for !consensus.ClassicMet(consensus.ClassicProof(&genesis, proof), 3) {
		proof++
	}
	fmt.Println(proof, consensus.ClassicProof(&genesis, proof).String()[56:])
	// Output: 3969 23455000
}
