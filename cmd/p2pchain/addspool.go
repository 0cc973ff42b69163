package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/spool"
)

const spoolFolder = "spool"

// addOptions are the flags of "add".
type addOptions struct {
	wait      bool
	proof     proofOptions // where proofs go, and after how many blocks
	flush     bool
	noSpool   bool
	spoolMost int64 // MiB
	sources   sources
	node      *clientFlags // who is asked
}

func (o *addOptions) declare(flags *pflag.FlagSet) {
	flags.BoolVar(&o.wait, "wait", false, "return only when all of it is in a block")
	flags.StringVar(&o.proof.out, "proof", "", "wait for the block, and write the proof of the message to this `FILE`; of lines into a folder, each a file")
	flags.Uint64Var(&o.proof.confirmations, "confirmations", 0, "with --wait or --proof: wait for so many `BLOCKS` on top of its block, too")
	o.sources.declare(flags)
	flags.BoolVar(&o.flush, "flush", false, "send the lines that wait in spools, and read nothing")
	flags.BoolVar(&o.noSpool, "no-spool", false, "keep no lines on disk: end where the node does not answer")
	flags.Int64Var(&o.spoolMost, "spool-max", 1024, "`MIB` of lines to keep at most; then nothing more is read")
}

// waits reports whether what is added has to be in a block.
func (o *addOptions) waits() bool { return o.wait || o.proof.out != "" }

// spools reports whether lines are kept while the node does not answer. Those of a file need not be:
// they can be read again.
func (a *app) spools(o *addOptions) bool {
	if o.flush || o.noSpool {
		return o.flush
	}
	file, ok := a.stdin.(*os.File)
	if !ok {
		return true
	}
	stat, err := file.Stat()
	return err != nil || !stat.Mode().IsRegular()
}

// spoolFolder returns where the lines for a node are kept. Lines for a node that is named by its
// address are kept apart: they must not come to the one of the data folder, or to another one.
func (a *app) spoolFolder(f *clientFlags) (string, error) {
	dir, err := a.dataDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(dir, spoolFolder)
	address := f.api
	if a.isSet("host") || a.isSet("port") {
		address = a.hostPort(seedAPI, f.host, f.port)
	}
	if address == "" {
		return folder, nil
	}
	name := sha256.Sum256([]byte(strings.TrimSuffix(address, "/")))
	return filepath.Join(folder, fmt.Sprintf("api-%x", name[:8])), nil
}

// spooled returns how many lines for the node of the data folder are kept, and where.
func (a *app) spooled() (lines int, folder string) {
	dir, err := a.dataDir()
	if err != nil {
		return 0, ""
	}
	folder = filepath.Join(dir, spoolFolder)
	lines, err = spool.Waiting(folder)
	if err != nil {
		return 0, folder // whoever adds lines hears of it
	}
	return lines, folder
}

// addSpooled adds every line of standard input, and keeps on disk what the node does not take. A signal
// ends the input; what was read by then is sent, or kept where that takes longer than the farewell.
func (a *app) addSpooled(ctx context.Context, f *clientFlags, o *addOptions) error {
	folder, err := a.spoolFolder(f)
	if err != nil {
		return err
	}
	input, stop := context.WithCancel(ctx)
	defer stop()
	sending, cancel := lingering(ctx)
	defer cancel()
	path, most := spool.Name(folder, time.Now()), o.spoolMost<<20
	out := &outbox{app: a, flags: f, options: o, id: spool.ID(path)}
	defer out.close()
	lines := newGatherer(out.id)
	d := &delivery{send: out.send, from: lines, stop: stop, say: a.sayAside, own: spool.New(path, most)}
	d.left, err = spool.Leftovers(folder, most, func(aside string, err error) { a.sayAside("%s: %v", aside, err) })
	if err != nil {
		return fmt.Errorf("lines of an earlier run: %w", errors.Join(err, d.close()))
	}
	in := a.stdin
	if o.flush {
		in = strings.NewReader("")
	}
	go lines.run(input, client.Lines(in))
	var more context.Context // where there is a limit, it says how long to try
	if _, limited := ctx.Deadline(); limited {
		more = ctx
	}
	err = errors.Join(d.run(sending, more), d.close())
	return out.end(ctx, err, lines.err)
}

// sayAside tells a person what happens to what is added, beside the results.
func (a *app) sayAside(format string, args ...any) {
	fmt.Fprintf(a.stderr, "p2pchain: %s\n", printable(fmt.Sprintf(format, args...)))
}

// An outbox sends groups to a node, which may be another process, at another address, each time.
type outbox struct {
	app     *app
	flags   *clientFlags
	options *addOptions
	id      string // of the keys of this run

	node *client.Client // nil: to be found
	sum  tally
}

// send is delivery.send.
func (o *outbox) send(ctx context.Context, g *spool.Group) error {
	if o.node == nil {
		c, err := o.app.connect(ctx, o.flags)
		if err != nil {
			return err
		}
		o.node = c
	}
	payloads := make([][]byte, len(g.Lines))
	for i, l := range g.Lines {
		payloads[i] = l.Payload
	}
	results, err := o.node.AddKeyed(ctx, g.Key, payloads)
	if err != nil {
		if errors.Is(err, client.ErrUnreachable) {
			o.close() // it may come back somewhere else
		}
		return err
	}
	for i, r := range results {
		r.Line = g.Lines[i].Number
		if err := o.app.countLine(&o.sum, r, o.options.waits()); err != nil {
			return err
		}
	}
	return nil
}

// end waits for blocks, if asked to, and sums up.
func (o *outbox) end(ctx context.Context, err, readErr error) error {
	err = errors.Join(err, readErr)
	if err == nil {
		err = ctx.Err() // which ends the input early
	}
	if err == nil && o.node != nil {
		err = o.app.awaitAll(ctx, o.node, o.options, o.sum.ids)
	}
	kept, isKept := errors.AsType[*keptError](err)
	if isKept && ctx.Err() == nil {
		if !o.app.shared.json {
			fmt.Fprintf(o.app.stdout, "%s, %s kept\n", o.sum.words(false), were(kept.lines, "line"))
		}
		return err
	}
	if isKept {
		return fmt.Errorf("%w: %s, %w", errInterrupted, o.sum.words(false), err)
	}
	return o.app.sumUp(&o.sum, o.options.waits(), err)
}

func (o *outbox) close() {
	if o.node != nil {
		o.node.Close()
		o.node = nil
	}
}
