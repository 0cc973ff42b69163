package chainfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"p2pchain/core"
	"p2pchain/core/chainfile"
)

// The first line of a chain file says of which network it is.
func Example() {
	params, _ := core.Builtin("test")
	network, _ := core.NewNetwork(params)
	file := bytes.NewReader(chainfile.AppendGenesis(nil, network))

	r, err := chainfile.NewReader(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("network", r.Network().Params.Name)
	_, _, err = r.Next()
	fmt.Println("another block:", !errors.Is(err, io.EOF))
	// Output:
	// network test
	// another block: false
}
