package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"p2pchain/core"
	"p2pchain/core/store"
)

const networkFile = "network.json"

// A NetworkChoice is what a user said about the network of a data directory; the zero value is
// "whatever it was made for".
type NetworkChoice struct {
	Name       string        // a built-in network
	File       string        // or a parameter file
	Network    *core.Network // or one that is known already
	Difficulty int           // replaces that one parameter; 0 leaves it
	Anew       bool          // the old chain is to be set aside, so it need not fit
	Like       string        // a directory whose network it is where nothing else says
}

// FindNetwork returns the network of a data directory: the chosen one, else the one that the
// directory was made for, else main. A choice that differs from what the directory was made for is
// store.ErrOtherNetwork; an unknown name or a wrong file is core.ErrBadParams.
func FindNetwork(dir string, want NetworkChoice) (*core.Network, error) {
	kept, err := keptNetwork(dir)
	if err != nil {
		return nil, err
	}
	params, err := want.params(kept)
	if err != nil {
		return nil, err
	}
	n, err := core.NewNetwork(params)
	if err != nil {
		return nil, err
	}
	if kept != nil && n.Genesis != kept.Genesis && !want.Anew {
		return nil, fmt.Errorf("the data in %s are those of network %s, not of %s: %w", dir, kept, n, store.ErrOtherNetwork)
	}
	return n, nil
}

// params returns the chosen parameters.
func (want NetworkChoice) params(kept *core.Network) (core.Params, error) {
	var p core.Params
	switch {
	case want.Network != nil:
		p = want.Network.Params
	case want.File != "":
		var err error
		if p, err = readParams(want.File); err != nil {
			return p, err
		}
	case want.Name != "":
		var ok bool
		if p, ok = core.Builtin(want.Name); !ok {
			return p, fmt.Errorf("unknown network %q: want %s, or --genesis FILE for a network of your own: %w",
				want.Name, strings.Join(core.BuiltinNames(), ", "), core.ErrBadParams)
		}
	case kept != nil:
		p = kept.Params
	case want.Like != "":
		n, err := FindNetwork(want.Like, NetworkChoice{})
		if err != nil {
			return p, err
		}
		p = n.Params
	default:
		p, _ = core.Builtin("main")
	}
	if want.Difficulty != 0 {
		p.Difficulty = want.Difficulty
	}
	return p, nil
}

// readParams reads a parameter file.
func readParams(path string) (core.Params, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return core.Params{}, fmt.Errorf("parameter file: %w: %w", err, core.ErrBadParams)
	}
	p, err := core.ParseParams(text)
	if err != nil {
		return core.Params{}, fmt.Errorf("parameter file %s: %w", path, err)
	}
	return p, nil
}

// keptNetwork returns the network that a data directory was made for, nil for a new directory.
func keptNetwork(dir string) (*core.Network, error) {
	path := filepath.Join(dir, networkFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	p, err := core.ParseParams(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return core.NewNetwork(p)
}

// SetUp makes a data directory for a network, with nodes to join at every start, and returns how many of
// these are new. It must be new or of that network: see FindNetwork.
func SetUp(dir string, n *core.Network, seeds []string) (int, error) {
	if err := makeDirectory(dir); err != nil {
		return 0, err
	}
	if err := keepNetwork(dir, n); err != nil {
		return 0, err
	}
	return KeepSeeds(dir, seeds)
}

// keepNetwork writes down which network a data directory is for.
func keepNetwork(dir string, n *core.Network) error {
	kept, err := keptNetwork(dir)
	if err != nil || (kept != nil && kept.Genesis == n.Genesis) {
		return err
	}
	return replaceFile(filepath.Join(dir, networkFile), n.Params.Encode(), 0o644)
}
