package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/core"
)

// clockError is how far clocks that are as good as they have to be may differ.
const clockError = 2 * time.Minute

// initFlags are the parameters of a new network.
type initFlags struct {
	out      string
	text     string
	genesis  string
	interval time.Duration
	authors  *list
	params   core.Params
}

// initCommand is "init", which writes the parameter file of a new network.
func (a *app) initCommand() *cobra.Command {
	f := &initFlags{authors: &list{kind: "KEY", check: checkAuthor}}
	cmd := &cobra.Command{
		Use:     "init",
		Short:   "Make a network of your own: write its parameter file",
		GroupID: groupNode,
		Long: `Writes the parameter file of a new network. Every node of it needs the same
file; two nodes whose parameters differ in anything never mix. The genesis time
is now unless you say otherwise, so two calls make two networks.`,
		Example: `  p2pchain init --network lab7
  p2pchain init --network lab7 --difficulty 4 --block-interval 2s
  p2pchain init --network diary --author "$(p2pchain key --json | jq -r .public_key)"`,
		Args:        takes(0, 0),
		Annotations: map[string]string{ownFlags: ""},
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.initNetwork(cmd, f) },
	}
	def, _ := core.Builtin("main")
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.params.Name, "network", "", "`NAME` of the network: 1 to 32 of a-z, 0-9 and - (required)")
	flags.StringVar(&f.text, "text", "", "`TEXT` of the first block, at most 200 characters")
	flags.IntVar(&f.params.Difficulty, "difficulty", def.Difficulty, "leading zero hex `DIGITS` that a block hash needs at least, 1 to 16")
	flags.DurationVar(&f.interval, "block-interval", time.Duration(def.BlockIntervalMS)*time.Millisecond, "how long a busy network should need for a block; 0: the difficulty never changes")
	flags.StringVar(&f.params.Pow, "pow", def.Pow, "proof of work: `KIND` is header, or classic (seed 1's, binds no data)")
	flags.StringVar(&f.genesis, "genesis-time", "", "`TIME` of the first block, like 2026-01-31T12:00:00Z (default: now)")
	flags.IntVar(&f.params.MaxPayloadBytes, "max-payload-bytes", def.MaxPayloadBytes, "longest message in `BYTES`, 1 to 61440")
	flags.IntVar(&f.params.MaxBlockMessages, "max-block-messages", def.MaxBlockMessages, "the most `MESSAGES` of a block, 1 to 32768")
	flags.IntVar(&f.params.MaxBlockBytes, "max-block-bytes", def.MaxBlockBytes, "largest block in `BYTES`, 65536 to 33554432")
	flags.IntVar(&f.params.StampBits, "stamp-bits", 0, "work that every message costs: 2^`N` hashes, 0 to 32")
	flags.Var(f.authors, "author", "public key that may write, as p2pchain key shows it; repeatable (default: everybody may)")
	flags.StringVarP(&f.out, "out", "o", "", "`FILE` to write, - for standard output (default: NAME.json)")
	return cmd
}

func checkAuthor(s string) error {
	if _, err := core.ParsePublicKey(s); err != nil {
		return fmt.Errorf("%q is not a public key of 64 lower-case hex digits, as p2pchain key shows it", s)
	}
	return nil
}

// A madeNetwork is what init answers.
type madeNetwork struct {
	File       string    `json:"file"`
	Name       string    `json:"name"`
	ID         string    `json:"id"`
	Genesis    core.Hash `json:"genesis"`
	ParamsHash core.Hash `json:"params_hash"`
}

func (a *app) initNetwork(cmd *cobra.Command, f *initFlags) error {
	p, err := f.build(cmd)
	if err != nil {
		return err
	}
	n, err := core.NewNetwork(p)
	if err != nil {
		return err
	}
	if f.out == "-" {
		_, err := a.stdout.Write(p.Encode())
		return err
	}
	if f.out == "" {
		f.out = p.Name + ".json"
	}
	if err := writeNew(f.out, p.Encode()); errors.Is(err, fs.ErrExist) {
		return usagef("%s exists already; choose another file with --out", f.out)
	} else if err != nil {
		return usagef("--out: %w", err)
	}
	made := madeNetwork{f.out, p.Name, n.ID(), n.Genesis, p.Hash()}
	return a.print(made, func(t *text) {
		t.row("file", made.File)
		t.row("network", n.String())
		t.row("genesis", made.Genesis)
		t.row("sha256", made.ParamsHash)
		t.line("")
		t.line("Start a node of it with:  %s", a.command("--name", folderName(made.Name), "--genesis", made.File))
		t.line("Every other node needs a copy of that file.")
	})
}

// folderName returns a name for a node of a network, whose folder is then not that of another one.
func folderName(network string) string {
	if checkName(network) != nil {
		return network + "-node"
	}
	return network
}

// build turns the flags into parameters.
func (f *initFlags) build(cmd *cobra.Command) (core.Params, error) {
	p := f.params
	if p.Name == "" {
		return p, usagef("--network NAME is missing: how is the new network called?")
	}
	if _, ok := core.Builtin(p.Name); ok {
		return p, usagef("--network: %s is the name of a built-in network; choose another", p.Name)
	}
	if p.Text = f.text; p.Text == "" {
		p.Text = "Network " + p.Name + "."
	}
	genesis := time.Now()
	if f.genesis != "" {
		var err error
		if genesis, err = time.Parse(time.RFC3339, f.genesis); err != nil {
			return p, usagef("--genesis-time: %q is not a time like 2026-01-31T12:00:00Z", f.genesis)
		}
	}
	if genesis.UnixMilli() < 0 || f.interval < 0 {
		return p, usagef("--genesis-time and --block-interval: want no negative times")
	}
	if ahead := time.Until(genesis); ahead > clockError {
		return p, usagef("--genesis-time: %s is in the future, and no node takes blocks before it", f.genesis)
	}
	p.GenesisTimeMS = uint64(genesis.UnixMilli())
	p.BlockIntervalMS = uint64(f.interval.Milliseconds())
	if p.Pow == core.PowClassic { // has one value only for these two, so need not be told
		if !cmd.Flags().Changed("block-interval") {
			p.BlockIntervalMS = 0
		}
		if !cmd.Flags().Changed("max-block-messages") {
			p.MaxBlockMessages = 1
		}
	}
	for _, item := range f.authors.items {
		author, err := core.ParsePublicKey(item)
		if err != nil {
			return p, usagef("--author: %w", err)
		}
		p.Authors = append(p.Authors, author)
	}
	slices.SortFunc(p.Authors, func(x, y core.PublicKey) int { return core.Hash(x).Compare(core.Hash(y)) })
	p.Authors = slices.Compact(p.Authors)
	return p, nil
}

// writeNew writes a file that must not exist, so that nothing is replaced by accident.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
