package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/evidence"
	"p2pchain/core"
	"p2pchain/core/proof"
)

// verifyOptions say what a proof has to show.
type verifyOptions struct {
	document, manifest    string
	genesis, header       string
	node, tokenFile, cert string
	timeout               time.Duration
	minWork, hashRate     string
	leastBlocks           uint64
	network               *core.Hash // from genesis
	trusted               core.Hash  // from header
	leastWork             core.Work  // from minWork
	rate                  float64    // from hashRate
}

// verifyCommand is "verify".
func (a *app) verifyCommand() *cobra.Command {
	o := new(verifyOptions)
	cmd := &cobra.Command{
		Use:     "verify FILE... | -",
		Short:   "Check a proof of a message, without any node, and say what it proves and what not",
		GroupID: groupTools,
		Long: `Checks the proof of a message and says in words what it proves, and what it does not.
It reads the files that you name and nothing else: no data folder, no configuration,
and no network unless you name a --node.

By itself a proof shows that a key signed the message, and what work its own headers
cost: whoever pays for that can make up its blocks, and a network with a name that you
know. That they are those of the network you mean takes something that you trust: the
hash of a header (--header) that you had from elsewhere, or a node (--node).

It ends with 0 if the proof holds together and shows all that was asked for, so without
--header or --node also if it is tied to no chain that you know; with 19 if it does not
hold or is not about the document, with 20 if it is of another network, and with 21 if
it is too weak. The first check that was not passed is named, with its code.`,
		Example: `  p2pchain verify contract.p2pproof --file contract.pdf
  p2pchain verify contract.p2pproof --genesis lab7.json --header 0000001f… --min-work 2h
  p2pchain verify photos.p2pproof --manifest photos.sha256 --file photos/dog.jpg
  p2pchain proof ID | p2pchain verify - --node http://192.0.2.7:12345 --min-confirmations 6
  p2pchain verify proofs/*.p2pproof --json | jq -r '.file+" "+.code'`,
		Args:        takes(1, anyNumber),
		Annotations: map[string]string{noSettings: ""},
		RunE:        func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), o, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.document, "file", "", "the message must be about this `FILE`: notarise it, or hold its bytes")
	flags.StringVar(&o.manifest, "manifest", "", "the list, in a `FILE` like NAME.sha256, of a notarised directory or commit; --file must be in it")
	flags.StringVar(&o.genesis, "genesis", "", "the network must be this: a parameter `FILE`, the name of a built-in one, or the genesis hash")
	flags.StringVar(&o.header, "header", "", "a block that you trust: the `HASH` of the last header of the proof, of the next one, or of the message's block")
	flags.StringVar(&o.node, "node", "", "a node that you trust, by the `URL` of its API")
	flags.StringVar(&o.tokenFile, "token-file", "", "`FILE` with the token that --node wants")
	flags.StringVar(&o.cert, "api-cert", "", "`SHA256` of the certificate that --node must have")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "time limit for --node")
	flags.StringVar(&o.minWork, "min-work", "", "least `WORK` on top: hashes (5000000, 2^40), or time of one laptop core (90s, 2h, 3d)")
	flags.Uint64Var(&o.leastBlocks, "min-confirmations", 0, "least number of `BLOCKS` on top; worth its name with --header or --node only")
	flags.StringVar(&o.hashRate, "hash-rate", "", "`HASHES` a second of a laptop core, like 20M (default 50M, an assumption)")
	return cmd
}

// verify checks proofs, and ends with the first thing that is wrong with any.
func (a *app) verify(ctx context.Context, o *verifyOptions, files []string) error {
	if err := o.parse(); err != nil {
		return err
	}
	if len(files) > 1 && (o.document != "" || o.manifest != "") {
		return usagef("--file and --manifest are for one proof, not for %d", len(files))
	}
	var first error
	for _, file := range files {
		v, err := a.verifyFile(ctx, o, file)
		if bad, ok := errors.AsType[*verifyError](err); ok {
			v.Code, v.Detail = bad.code, bad.words
		} else if err != nil {
			return err
		}
		if shown := a.showVerdict(v, len(files) > 1); shown != nil {
			return shown
		}
		if err != nil && first == nil {
			first = fmt.Errorf("%s %w: %w", name(file), kindOf(err), err)
		}
	}
	return first
}

// verifyFile checks one proof. What is known of it is returned with the error, too.
func (a *app) verifyFile(ctx context.Context, o *verifyOptions, file string) (verdict, error) {
	v := verdict{File: file, Code: codeOK, Proven: []string{}, Claimed: []string{}, Unproven: []string{}}
	text, err := a.readProof(ctx, file)
	if err != nil {
		return v, err
	}
	p, err := proof.Decode(text)
	if err != nil {
		return v, faultOf(err)
	}
	s, err := p.Verify()
	if err != nil {
		return v, faultOf(err)
	}
	if o.network != nil && s.Network.Genesis != *o.network {
		return v, failed(errOtherProof, codeOtherNetwork, "it is of network %v with genesis %v, not of the one with %v", s.Network, s.Network.Genesis, *o.network)
	}
	if v.Document, err = o.matchDocument(s); err != nil {
		return v, err
	}
	tie, err := a.tie(ctx, o, s)
	if err != nil {
		if _, weak := errors.AsType[*verifyError](err); weak {
			v.fill(s, tie, o)
		}
		return v, err
	}
	v.fill(s, tie, o)
	err = o.enough(s, tie)
	v.Valid = err == nil
	return v, err
}

// readProof reads a file, or standard input, up to what no proof is larger than.
func (a *app) readProof(ctx context.Context, file string) ([]byte, error) {
	var in io.Reader
	if file == "-" {
		in = a.input(ctx)
	} else {
		f, err := os.Open(file)
		if err != nil {
			return nil, usagef("%w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, proof.MaxSize+1))
	if err != nil {
		return nil, usagef("%s: %w", name(file), err)
	}
	return text, nil
}

// name returns what a file is called in sentences.
func name(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// kindOf returns which kind of failure it is, for the beginning of a sentence.
func kindOf(err error) error {
	for _, kind := range []error{errAltered, errOtherDocument, errOtherProof, errWeak} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return errAltered
}

// parse reads the flags.
func (o *verifyOptions) parse() (err error) {
	o.rate = evidence.HashRate
	if o.hashRate != "" {
		if o.rate, err = parseRate(o.hashRate); err != nil {
			return usagef("--hash-rate: %w", err)
		}
	}
	if o.minWork != "" {
		if o.leastWork, err = parseWork(o.minWork, o.rate); err != nil {
			return usagef("--min-work: %w", err)
		}
	}
	if o.genesis != "" {
		hash, err := readGenesis(o.genesis)
		if err != nil {
			return usagef("--genesis: %w", err)
		}
		o.network = &hash
	}
	if o.header != "" {
		if o.trusted, err = core.ParseHash(strings.ToLower(o.header)); err != nil {
			return usagef("--header: %q is not a hash of 64 hex digits", o.header)
		}
	}
	if o.header != "" && o.node != "" {
		return usagef("--header and --node both say what to trust: give one of them")
	}
	if o.node == "" && (o.tokenFile != "" || o.cert != "") {
		return usagef("--token-file and --api-cert are for the node of --node")
	}
	return nil
}

// readGenesis returns the genesis hash that a hash, the name of a built-in network or a parameter file
// stands for.
func readGenesis(text string) (core.Hash, error) {
	if hash, err := core.ParseHash(strings.ToLower(text)); err == nil {
		return hash, nil
	}
	params, ok := core.Builtin(text)
	if !ok {
		file, err := os.ReadFile(text)
		if err != nil {
			return core.Hash{}, fmt.Errorf("%q is no genesis hash, none of the networks %s, and no file: %w", text, strings.Join(core.BuiltinNames(), ", "), err)
		}
		if params, err = core.ParseParams(file); err != nil {
			return core.Hash{}, fmt.Errorf("parameter file %s: %w", text, err)
		}
	}
	n, err := core.NewNetwork(params)
	if err != nil {
		return core.Hash{}, err
	}
	return n.Genesis, nil
}
