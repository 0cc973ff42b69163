package sketch_test

import (
	"fmt"

	"p2pchain/core"
	"p2pchain/p2p/sketch"
)

// Two nodes have ten thousand messages in common. What they have not costs as much to find as if they had
// nothing else.
func Example() {
	key := sketch.Key{1} // random in earnest, so that nobody can aim at a cell
	mine, theirs := sketch.New(key, sketch.MinCells), sketch.New(key, sketch.MinCells)
	for i := range 10_000 {
		both := core.Hash{byte(i), byte(i >> 8), 1}
		mine.Add(both)
		theirs.Add(both)
	}
	mine.Add(core.Hash{0xaa})
	theirs.Add(core.Hash{0xbb})
	theirs.Add(core.Hash{0xcc})

	arrived, err := sketch.Decode(key, theirs.Encode())
	if err != nil {
		fmt.Println(err)
		return
	}
	send, fetch, ok := mine.Minus(arrived).Differences()
	fmt.Println(len(send), "to send,", len(fetch), "to fetch:", ok)
	// Output: 1 to send, 2 to fetch: true
}
