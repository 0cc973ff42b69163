package store_test

import (
	"crypto/ed25519"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// What Accept has said to be stored is there after any crash, and waits until a block holds it.
func Example() {
	params, _ := core.Builtin("test")
	network, err := core.NewNetwork(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	disk := vfs.NewMem() // leave Options.FS nil for a folder
	s, err := store.Open("store", network, store.Options{FS: disk})
	if err != nil {
		fmt.Println(err)
		return
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	m, err := core.Compose(network, key, core.Draft{TimeMS: params.GenesisTimeMS, Seen: network.Genesis, Payload: []byte("hello")})
	if err != nil {
		fmt.Println(err)
		return
	}
	const local = true
	results, err := s.Accept([]*core.Message{m}, local, params.GenesisTimeMS) // judged before, by the mempool
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(results[0] == mempool.Accepted, s.Close())

	s, err = store.Open("store", network, store.Options{FS: disk})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := s.Waiting(0, 10)
	fmt.Println(len(page.Messages), page.Messages[0].ID == m.ID, err)
	again, err := s.Message(m.ID)
	fmt.Printf("%s %v\n", again.Body.Payload, err)
	fmt.Println(s.Close())
	// Output:
	// true <nil>
	// 1 true <nil>
	// hello <nil>
	// <nil>
}
