package invite_test

import (
	"fmt"

	"p2pchain/cmd/internal/invite"
	"p2pchain/core"
)

func Example() {
	params, _ := core.Builtin("main")
	network, err := core.NewNetwork(params)
	if err != nil {
		panic(err)
	}
	const node = "/ip4/192.0.2.7/tcp/22345/p2p/12D3KooWFG1bvkv4GrKR6WNLvz5FDUc3wkvVPD7q2H2uoUqFJJYa"
	text, err := invite.Invite{Network: network, Addrs: []string{node}}.Encode()
	if err != nil {
		panic(err)
	}
	fmt.Println(text)
	read, err := invite.Parse(text)
	fmt.Println(read.Network, err)
	// Output:
	// p2pchain1af5w6vtfo5yu7tybkdoeqjthqbh2sumikspglvjybbkhtjqapsx6pkb732jcpx3pbhjqccaeyaaaebygk5e3mmz734
	// main (7b6f566577714fcf) <nil>
}
