package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/core"
)

// tailFlags are the flags of "tail".
type tailFlags struct {
	count     int
	follow    bool
	confirmed bool
	author    string
	mediaType string
}

// tailCommand is "tail".
func (a *app) tailCommand() *cobra.Command {
	var o tailFlags
	cmd := &cobra.Command{
		Use:     "tail",
		Short:   "Show the last messages, and new ones as they come",
		GroupID: groupClient,
		Long: `Shows the last messages that a node accepted, and then each new one as soon as the
node has it: the time by the author's clock, the beginning of the author's key, and
the text. With --confirmed a message is shown when it is in a block, with the height
of that; a reorg can take it out again and have it shown a second time.

When the connection breaks or the node is started again, tail goes on by itself and
shows what it missed. With --json every message is one line of JSON.`,
		Example: `  p2pchain tail
  p2pchain tail -n 0 --confirmed
  p2pchain tail --type application/json --json | jq -r .message
  p2pchain tail -n 100 --follow=false`,
		Args: takes(0, 0),
	}
	flags := cmd.Flags()
	flags.IntVarP(&o.count, "lines", "n", 10, "begin with the last `N` messages")
	flags.BoolVarP(&o.follow, "follow", "f", true, "go on with new ones")
	flags.BoolVar(&o.confirmed, "confirmed", false, "show messages when they are in a block")
	flags.StringVar(&o.author, "author", "", "only messages of this `KEY`, 64 hex digits")
	flags.StringVar(&o.mediaType, "type", "", "only messages of this media `TYPE`, like text/plain")
	f := addClientFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		c, err := a.connect(ctx, f)
		if err != nil {
			return err
		}
		t := &tailer{app: a, tailFlags: o, client: c, shown: newRecentSet()}
		defer func() { t.client.Close() }()
		err = t.run(ctx, func(ctx context.Context) (*client.Client, error) { return a.connect(ctx, f) })
		if o.follow && errors.Is(err, context.Canceled) {
			return nil // there is no other end
		}
		return err
	}
	return cmd
}

func (o *tailFlags) check() error {
	if o.count < 0 {
		return usagef("-n %d: want 0 or more", o.count)
	}
	o.author = strings.ToLower(o.author)
	if _, err := core.ParseHash(o.author); o.author != "" && err != nil { // a key is as long as a hash
		return usagef("--author %q is not a key of 64 hex digits", o.author)
	}
	o.mediaType = strings.ToLower(o.mediaType)
	return nil
}

// wants reports whether a message is to be shown. A media type without parameters stands for all of
// them.
func (o *tailFlags) wants(m *client.Content) bool {
	if o.author != "" && m.Author.String() != o.author {
		return false
	}
	full := strings.ToLower(m.MediaType)
	bare, _, _ := strings.Cut(full, ";")
	return o.mediaType == "" || o.mediaType == full || o.mediaType == strings.TrimSpace(bare)
}

// A tailer shows messages of one node.
type tailer struct {
	app *app
	tailFlags
	client *client.Client

	shown  *recentSet // messages, or messages and their blocks, that are not to be shown again
	begun  bool
	first  uint64 // height of the tip when it began
	height uint64 // of the block that was told last
	lost   bool   // the node does not answer
	behind bool   // something was not shown that should have been
}

// run shows the last messages, and new ones until ctx ends.
func (t *tailer) run(ctx context.Context, redial func(context.Context) (*client.Client, error)) error {
	if !t.follow {
		return t.history(ctx)
	}
	types := []string{client.EventMessage, client.EventBlock}
	if t.confirmed {
		types = []string{client.EventBlock, client.EventReorg}
	}
	return t.client.Events(ctx, client.EventOptions{
		Types: types,
		Broken: func(cause error, _ time.Duration) {
			if !t.lost {
				t.app.remark("p2pchain: waiting for the node: " + printable(cause.Error()))
			}
			t.lost = true
		},
		Redial: func(ctx context.Context) (*client.Client, error) {
			c, err := redial(ctx)
			if err == nil {
				t.client = c
			}
			return c, err
		},
	}, func(e client.Event) error { return t.event(ctx, e) })
}

// event shows what an event is about.
func (t *tailer) event(ctx context.Context, e client.Event) error {
	if t.behind {
		if err := t.catchUp(ctx); err != nil {
			return err
		}
	}
	switch e.Type {
	case client.EventHello:
		return decoded(ctx, e, t.hello)
	case client.EventMessage:
		return decoded(ctx, e, t.message)
	case client.EventBlock:
		return decoded(ctx, e, t.block)
	case client.EventReorg:
		return decoded(ctx, e, t.reorg)
	case client.EventReset:
		return t.catchUp(ctx)
	}
	return nil
}

// hello begins with the last messages. On later connections the events go on, or say that they do not.
func (t *tailer) hello(ctx context.Context, hello client.Hello) error {
	if t.lost {
		t.app.remark("p2pchain: the node answers again")
	}
	t.lost = false
	if t.begun {
		return nil
	}
	t.begun = true
	t.first, t.height = hello.Tip.Height, hello.Tip.Height
	return t.history(ctx)
}

// message shows a message that the node has accepted.
func (t *tailer) message(ctx context.Context, e client.MessageEvent) error {
	if !t.wants(&e.Content) || t.shown.has(e.ID.String()) {
		return nil
	}
	m := client.Message{Content: e.Content, Standing: client.Standing{Status: client.StatusWaiting}}
	if e.Truncated {
		whole, err := t.client.Message(ctx, e.ID)
		if err != nil {
			return t.later(ctx, err)
		}
		m = whole
	}
	return t.show(m)
}

// block shows the messages of a block that joined the best chain.
func (t *tailer) block(ctx context.Context, b client.Block) error {
	t.height = b.Height
	if !t.confirmed || b.MessageCount == 0 {
		return nil
	}
	full, err := t.client.Block(ctx, b.Hash.String())
	if err != nil {
		return t.later(ctx, err)
	}
	return t.showBlock(full)
}

// reorg tells how many blocks left the best chain.
func (t *tailer) reorg(_ context.Context, r client.ReorgEvent) error {
	t.height = r.Height
	t.app.remark(fmt.Sprintf("p2pchain: a reorg took %s off the chain", plural(r.Count, "block")))
	return nil
}

// showBlock shows those messages of a block that were not shown before.
func (t *tailer) showBlock(b client.FullBlock) error {
	for i := range b.Messages {
		m := confirmedIn(&b, i)
		if !t.wants(&m.Content) || t.shown.has(t.key(m)) {
			continue
		}
		if err := t.show(m); err != nil {
			return err
		}
	}
	return nil
}

// confirmedIn returns a message of a block with its place.
func confirmedIn(b *client.FullBlock, i int) client.Message {
	return client.Message{Content: b.Messages[i], Standing: client.Standing{
		Status: client.StatusConfirmed, Block: &b.Hash, Height: &b.Height, Position: &i, Confirmations: b.Confirmations,
	}}
}

// key names what is shown once.
func (t *tailer) key(m client.Message) string {
	if t.confirmed && m.Block != nil {
		return m.ID.String() + m.Block.String()
	}
	return m.ID.String()
}

// show writes one message.
func (t *tailer) show(m client.Message) error {
	t.shown.add(t.key(m))
	if t.app.shared.json {
		return t.app.printJSON(m)
	}
	place := ""
	if t.confirmed && m.Height != nil {
		place = fmt.Sprintf("%6d  ", *m.Height)
	}
	_, err := fmt.Fprintf(t.app.stdout, "%s%s  %.8s  %s\n", place, m.Time.Time().Format(time.DateTime), m.Author, messageText(m.MediaType, m.Payload))
	return err
}
