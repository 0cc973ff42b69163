package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/anchor"
	"p2pchain/core"
	"p2pchain/core/document"
)

// anchorFolder is where the states of logs are, in the folder of the spools for the same node.
const anchorFolder = "anchors"

// anchorFlags are the flags of "anchor".
type anchorFlags struct {
	follow    bool
	interval  time.Duration
	heartbeat time.Duration
	segment   uint64 // MiB
	queue     int64  // MiB
	name      string
	rehash    bool
	wait      bool
}

func (o *anchorFlags) declare(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.BoolVarP(&o.follow, "follow", "f", false, "go on: look again and again, until a signal")
	flags.DurationVar(&o.interval, "interval", 10*time.Second, "time between two looks")
	flags.DurationVar(&o.heartbeat, "heartbeat", 0, "with --follow, the longest `TIME` without an anchor, also where nothing was written (default: no limit)")
	flags.Uint64Var(&o.segment, "segment", 64, "anchor at least every so many `MIB`")
	flags.StringVar(&o.name, "as", "", "the `NAME` of the log in its anchors, if there is one FILE (default: that of the file)")
	flags.BoolVar(&o.wait, "wait", false, "without --follow, return only when the anchors are in a block")
	flags.BoolVar(&o.rehash, "rehash", false, "at the start, read all that was read before again, and notice changes in it")
	flags.Int64Var(&o.queue, "queue-max", 64, "`MIB` of anchors to keep at most while the node is away")
}

func (o *anchorFlags) check(files int) error {
	switch {
	case o.interval < 10*time.Millisecond:
		return usagef("--interval is %v, want at least 10ms", o.interval)
	case o.heartbeat < 0:
		return usagef("--heartbeat is %v, want 0 or more", o.heartbeat)
	case o.segment < 1 || o.segment > 1<<20:
		return usagef("--segment is %d, want 1 to %d", o.segment, 1<<20)
	case o.queue < 1 || o.queue > 1<<20:
		return usagef("--queue-max is %d, want 1 to %d", o.queue, 1<<20)
	case o.name != "" && files > 1:
		return usagef("--as names one log, and %d files were given", files)
	case o.name != "" && document.CheckName(o.name) != nil:
		return usagef("--as %q: %w", o.name, document.CheckName(o.name))
	case o.wait && o.follow:
		return usagef("--wait is for a single look, without --follow")
	}
	return nil
}

// anchorCommand is "anchor".
func (a *app) anchorCommand() *cobra.Command {
	o := new(anchorFlags)
	cmd := &cobra.Command{
		Use:     "anchor FILE...",
		Short:   "Write down what growing logs hold, so that a later change of them shows",
		GroupID: groupClient,
		Long: `Looks at a file that another program writes, and puts on the chain how long it is, how
many lines it has, and the SHA-256 of all of it and of what is new. Nothing of its content
leaves this machine. "p2pchain anchor verify FILE" later says which bytes are still the
same, which are not, what is missing at the end, and when it was written.

With --follow it looks every --interval and at the end, writes nothing while the file
does not grow, and goes on where it was after a restart. It follows a log through
rotation (renamed, or copied and truncated), waits for files that do not exist yet, and
looks for new ones where FILE is a pattern in quotes. It only ever reads, without locks,
at the lowest priority: who writes to the log never waits for it.

While the node does not answer, anchors are kept in the data folder and sent, in order
and each once, when it is back.`,
		Example: `  p2pchain anchor --follow /var/log/audit/audit.log
  p2pchain anchor --follow --interval 2s --heartbeat 1h 'agents/*.jsonl'
  p2pchain anchor build.log --wait                    # one look, at the end of a job
  p2pchain anchor verify build.log`,
		Args: takes(1, anyNumber),
	}
	o.declare(cmd.Flags())
	f := addClientFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(len(args)); err != nil {
			return err
		}
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		return a.anchor(ctx, f, o, args)
	}
	cmd.AddCommand(a.anchorVerifyCommand(), a.anchorListCommand())
	return cmd
}

// An anchored is what "anchor" says of each anchor that the node has.
type anchored struct {
	Time       anchor.Moment `json:"time"` // of the look
	Path       string        `json:"path"`
	Log        string        `json:"log"`
	Generation string        `json:"generation"`
	Sequence   uint64        `json:"sequence"`
	Began      string        `json:"began"`
	Length     uint64        `json:"length"`
	Lines      uint64        `json:"lines"`
	Partial    uint64        `json:"partial"` // bytes after the last line feed
	SHA256     core.Hash     `json:"sha256"`
	From       uint64        `json:"from"`
	ID         core.Hash     `json:"id"` // of the message
}

// anchor follows logs, or looks at them once.
func (a *app) anchor(ctx context.Context, f *clientFlags, o *anchorFlags, files []string) error {
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return usagef("%s is a folder: name a log in it, or all with a pattern in quotes, like '%s'", path, filepath.Join(path, "*.log"))
		}
	}
	folder, err := a.spoolFolder(f)
	if err != nil {
		return err
	}
	s := &anchorSender{app: a, flags: f, wait: o.wait}
	defer s.close()
	cfg := anchor.Config{
		Folder: filepath.Join(folder, anchorFolder), Name: o.name, Interval: o.interval, Heartbeat: o.heartbeat,
		Segment: o.segment << 20, QueueMost: o.queue << 20, Rehash: o.rehash, Once: !o.follow,
		Send: s.send, Passes: passes, Told: s.told, Now: time.Now,
	}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		if _, err := os.Stat(path); err != nil && !o.follow && !strings.ContainsAny(path, "*?[") {
			return usage(err)
		}
		cfg.Patterns = append(cfg.Patterns, path)
	}
	err = anchor.Follow(ctx, cfg)
	for i := 0; err == nil && i < len(s.ids); i++ {
		if _, err = s.node.Await(ctx, s.ids[i]); err != nil {
			err = fmt.Errorf("all is stored; waiting for the block of message %v: %w", s.ids[i], err)
		}
	}
	return errors.Join(err, s.writeErr)
}

// An anchorSender brings anchors to a node, which may be another process, at another address, each time.
type anchorSender struct {
	app   *app
	flags *clientFlags

	mu   sync.Mutex // guards node
	node *client.Client

	wait     bool
	ids      []core.Hash // to wait for
	writeErr error
}

// connect returns the client of the node, which is found again after it did not answer.
func (s *anchorSender) connect(ctx context.Context) (*client.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node != nil {
		return s.node, nil
	}
	c, err := s.app.connect(ctx, s.flags)
	if err == nil {
		s.node = c
	}
	return c, err
}

// send is anchor.Config.Send.
func (s *anchorSender) send(ctx context.Context, key string, payload []byte) (core.Hash, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return core.Hash{}, err
	}
	receipt, err := c.Add(ctx, payload, document.AnchorType, client.WithKey(key))
	if errors.Is(err, client.ErrUnreachable) {
		s.mu.Lock()
		if s.node == c {
			s.node = nil // it may come back somewhere else
		}
		s.mu.Unlock()
		c.Close()
	}
	return receipt.ID, err
}

// told is anchor.Config.Told.
func (s *anchorSender) told(e anchor.Event) {
	a := s.app
	name := printable(filepath.Base(e.Path))
	switch e.Kind {
	case anchor.Anchored:
		if s.wait {
			s.ids = append(s.ids, e.ID)
		}
		s.writeErr = errors.Join(s.writeErr, s.showAnchored(e))
	case anchor.Began:
		fmt.Fprintf(a.stderr, "p2pchain: %s: %s\n", name, beganWords(e.Word))
	case anchor.Trouble:
		fmt.Fprintf(a.stderr, "p2pchain: %s\n", printable(e.Err.Error()))
	case anchor.Away:
		fmt.Fprintf(a.stderr, "p2pchain: %s; anchors are kept meanwhile\n", printable(e.Err.Error()))
	case anchor.Back:
		fmt.Fprintln(a.stderr, "p2pchain: the node answers again")
	case anchor.Kept:
		fmt.Fprintf(a.stderr, "p2pchain: %s kept, for the next 'p2pchain anchor' of the same files\n", were(e.Count, "anchor"))
	}
}

// showAnchored shows an anchor that the node has.
func (s *anchorSender) showAnchored(e anchor.Event) error {
	if s.writeErr != nil {
		return nil // said once
	}
	d := e.Anchor
	if s.app.shared.json {
		return s.app.printJSON(anchored{
			anchor.Moment(d.TimeMS), e.Path, d.Log, d.Generation.String(), d.Sequence, d.Began, d.Length, d.Lines, d.Partial, d.SHA256, d.From, e.ID,
		})
	}
	_, err := fmt.Fprintf(s.app.stdout, "%v  %s  %s, %s (%d new)  %v\n",
		anchor.Moment(d.TimeMS), printable(d.Log), plural(d.Length, "byte"), plural(d.Lines, "line"), d.Length-d.From, e.ID)
	return err
}

// beganWords says why a generation of a log began.
func beganWords(word string) string {
	switch word {
	case document.BeganRotated:
		return "another file has the name now"
	case document.BeganEmptied:
		return "it was emptied"
	case document.BeganReplaced:
		return "what it begins with is something else now"
	case document.BeganCut:
		return "it became shorter: its end was cut off"
	case document.BeganChanged:
		return "bytes that were anchored are something else now"
	}
	return "it was seen for the first time"
}

func (s *anchorSender) close() {
	if s.node != nil {
		s.node.Close()
	}
}
