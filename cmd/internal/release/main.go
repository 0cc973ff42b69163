// Command release does the small parts of making a release that need Go (see .goreleaser.yaml and
// .ci/snapshot):
//
//	go run ./cmd/internal/release sbom BINARY [OUT]
//	go run ./cmd/internal/release nfpm --version V --arch ARCH --binary FILE
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

var errUsage = errors.New("usage: release sbom BINARY [OUT] | release nfpm --version V --arch ARCH --binary FILE")

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run does what the first argument names.
func run(args []string, stdout io.Writer) error {
	switch {
	case len(args) > 0 && args[0] == "sbom":
		return sbom(args[1:], stdout)
	case len(args) > 0 && args[0] == "nfpm":
		return nfpm(args[1:], stdout)
	}
	return errUsage
}
