package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
)

// getCommand is "get", with one noun for each subcommand.
func (a *app) getCommand() *cobra.Command {
	get := &cobra.Command{
		Use:     "get",
		Short:   "Show the chain, blocks, messages and peers of a node",
		GroupID: groupClient,
		Example: `  p2pchain get chain
  p2pchain get block tip
  p2pchain get message ID`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("get what? %s", nouns(cmd))
			}
			return usagef("there is no %q to get: want %s", args[0], nouns(cmd))
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args always refuses
	}
	get.AddCommand(
		a.clientCommand(&cobra.Command{
			Use: "chain", Short: "All blocks with their messages, the first one first", Args: takes(0, 0),
			Example: "  p2pchain get chain\n  p2pchain get chain --json | jq '.chain[].data[].message'",
		}, a.getChain),
		a.clientCommand(&cobra.Command{
			Use: "block HEIGHT|HASH|tip", Short: "One block with its messages", Args: takes(1, 1),
			Example: "  p2pchain get block tip\n  p2pchain get block 42",
		}, a.getBlock),
		a.clientCommand(&cobra.Command{
			Use: "message ID", Short: "One message and where it stands", Args: takes(1, 1),
			Example: "  p2pchain get message 1d51b1a8…",
		}, a.getMessage),
		a.clientCommand(&cobra.Command{
			Use: "data", Short: "The messages that wait for a block, oldest first", Args: takes(0, 0),
			Example: "  p2pchain get data",
		}, a.getData),
		a.clientCommand(&cobra.Command{
			Use: "mempool", Short: "The messages that wait for a block, with their size, age and origin", Args: takes(0, 0),
			Example: "  p2pchain get mempool\n  p2pchain get mempool --json | jq '.messages[] | select(.local)'",
		}, a.getMempool),
		a.getMessagesCommand(), a.getHeadersCommand(), a.getForksCommand(), a.getErasedCommand(),
		a.clientCommand(&cobra.Command{
			Use: "neighbours", Short: "The addresses of the connected nodes, as HOST:PORT", Args: takes(0, 0),
			Example: "  p2pchain get neighbours",
		}, a.getNeighbours),
		a.clientCommand(&cobra.Command{
			Use: "peers", Short: "The connected nodes, and how far their chains are", Args: takes(0, 0),
			Example: "  p2pchain get peers --json",
		}, a.getPeers),
	)
	return get
}

// nouns lists the commands below one.
func nouns(cmd *cobra.Command) string {
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// getChain streams all blocks, in memory that does not grow with the chain.
func (a *app) getChain(ctx context.Context, c *client.Client, _ []string) error {
	if a.shared.json {
		return a.streamJSON("chain", func(each func(any) error) error {
			return c.Chain(ctx, func(b client.ChainBlock) error { return each(b) })
		})
	}
	length := 0
	err := c.Chain(ctx, func(b client.ChainBlock) error {
		length++
		at := time.UnixMilli(int64(b.Timestamp)).UTC().Format(time.DateTime)
		if _, err := fmt.Fprintf(a.stdout, "block %d  %s  %v\n", b.Index, at, b.Hash); err != nil {
			return err
		}
		for _, m := range b.Data {
			if _, err := fmt.Fprintf(a.stdout, "  %s\n", payloadText(m.Payload)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "\nChain with length: %d\n", length)
	return err
}

// getBlock shows one block.
func (a *app) getBlock(ctx context.Context, c *client.Client, args []string) error {
	if !isBlockName(args[0]) {
		return usagef("%q is not a block: want a height, a hash of 64 hex digits, or tip", args[0])
	}
	b, err := c.Block(ctx, args[0])
	if err != nil {
		return err
	}
	return a.print(b, func(t *text) {
		t.row("block", b.Height)
		t.row("hash", b.Hash)
		t.row("previous", b.PreviousHash)
		t.row("time", b.Time)
		t.row("work", b.Work)
		t.row("bits", b.Bits)
		t.row("nonce", b.Nonce)
		t.row("size", plural(b.Size, "byte"))
		if b.Connected {
			t.row("confirmations", b.Confirmations)
		} else {
			t.row("confirmations", "none: it is not on the best chain")
		}
		t.row("messages", b.MessageCount)
		t.line("")
		for _, m := range b.Messages {
			t.line("%v  %s", m.ID, messageText(m.MediaType, m.Payload))
		}
	})
}

// isBlockName reports whether a node would understand the name of a block.
func isBlockName(name string) bool {
	if name == "tip" {
		return true
	}
	if _, err := core.ParseHash(name); err == nil {
		return true
	}
	height, err := strconv.ParseUint(name, 10, 64)
	return err == nil && strconv.FormatUint(height, 10) == name
}

// getMessage shows one message.
func (a *app) getMessage(ctx context.Context, c *client.Client, args []string) error {
	id, err := core.ParseHash(args[0])
	if err != nil {
		return usagef("%q is not a message id of 64 hex digits", args[0])
	}
	m, err := c.Message(ctx, id)
	if err != nil {
		return err
	}
	return a.print(m, func(t *text) {
		t.row("id", m.ID)
		t.standing(m.Standing)
		t.row("author", m.Author)
		t.row("time", fmt.Sprintf("%v by the author's clock", m.Time))
		if m.BlockTime != nil {
			t.row("sealed", fmt.Sprintf("%v by the miner's clock", *m.BlockTime))
		}
		if m.Written != nil {
			t.row("written", printable(strings.TrimPrefix(m.Written.Words, "written ")))
		}
		t.row("first seen", firstSeen(&m))
		t.row("seen block", m.Seen)
		t.row("type", m.MediaType)
		t.row("size", plural(m.Size, "byte"))
		if m.Erasure != nil {
			t.row("erased", eraser(m.Erasure))
		}
		if d := documentOf(m.MediaType, m.Payload); d != nil {
			t.document(d)
		}
		t.line("")
		t.line("%s", payloadText(m.Payload))
	})
}

// firstSeen says how a message first came to the node that was asked.
func firstSeen(m *client.Message) string {
	how := "from another node"
	if m.Local {
		how = "added here"
	}
	return fmt.Sprintf("%v by this node's clock, %s", m.FirstSeen, how)
}

// getData lists the waiting messages, under seed 1's name for them.
func (a *app) getData(ctx context.Context, c *client.Client, _ []string) error {
	waiting := 0
	err := showList(a, "unprocessed", c.AllWaiting(ctx), 0, func(m client.WaitingMessage) error {
		waiting++
		_, err := fmt.Fprintf(a.stdout, "%v  %s\n", m.ID, messageText(m.MediaType, m.Payload))
		return err
	})
	if err == nil && waiting == 0 && !a.shared.json {
		a.remark("nothing waits")
	}
	return err
}

// getNeighbours lists addresses, as seed 1 does.
func (a *app) getNeighbours(ctx context.Context, c *client.Client, _ []string) error {
	neighbours, err := c.Neighbours(ctx)
	if err != nil {
		return err
	}
	if neighbours == nil {
		neighbours = []string{} // JSON's empty list
	}
	v := api.Neighbours{Neighbours: neighbours, Length: len(neighbours)}
	if len(neighbours) == 0 && !a.shared.json {
		a.remark("no neighbours")
	}
	return a.print(v, func(t *text) {
		for _, n := range neighbours {
			t.line("%s", printable(n))
		}
	})
}

// getPeers shows the table of peers.
func (a *app) getPeers(ctx context.Context, c *client.Client, _ []string) error {
	peers, err := c.Peers(ctx)
	if err != nil {
		return err
	}
	v := client.PeerList{Count: len(peers), Peers: peers}
	if peers == nil {
		v.Peers = []client.Peer{} // JSON's empty list
	}
	return a.print(v, func(t *text) {
		t.cells("ID", "HEIGHT", "LATENCY", "DIRECTION", "SINCE", "AGENT", "ADDRESS")
		for _, p := range peers {
			address := "-"
			if len(p.Addresses) > 0 {
				address = p.Addresses[0]
			}
			t.cells(p.ID, p.Height, fmt.Sprintf("%.1f ms", p.LatencyMS), p.Direction, p.Connected, printable(p.Agent), printable(address))
		}
	})
}

// payloadText shows what an author wrote on one line.
func payloadText(p client.Payload) string {
	switch {
	case p.Erased:
		return "(erased)"
	case p.Missing:
		return "(not on this node)"
	case p.Message != nil:
		return printable(*p.Message)
	}
	return fmt.Sprintf("(%s, not text)", plural(len(p.Base64), "byte"))
}
