package main

import (
	"context"
	"fmt"

	"p2pchain/api/client"
)

// waitingMessages calls each with every message that waits for a block, oldest first.
func waitingMessages(ctx context.Context, c *client.Client, each func(client.WaitingMessage) error) error {
	for cursor := ""; ; {
		page, err := c.Mempool(ctx, cursor, 0)
		if err != nil {
			return err
		}
		for _, m := range page.Messages {
			if err := each(m); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// getMempool lists the waiting messages with what is known of their way here.
func (a *app) getMempool(ctx context.Context, c *client.Client, _ []string) error {
	if a.shared.json {
		return a.streamJSON("messages", func(each func(any) error) error {
			return waitingMessages(ctx, c, func(m client.WaitingMessage) error { return each(m) })
		})
	}
	waiting, bytes := 0, int64(0)
	err := waitingMessages(ctx, c, func(m client.WaitingMessage) error {
		waiting, bytes = waiting+1, bytes+int64(m.Size)
		from := "from a peer"
		if m.Local {
			from = "from here"
		}
		_, err := fmt.Fprintf(a.stdout, "%v  %v  %6d bytes  %-11s  %s\n", m.ID, m.Accepted, m.Size, from, payloadText(m.Payload))
		return err
	})
	if err != nil {
		return err
	}
	a.remark(fmt.Sprintf("%s, %s", waitWords(waiting), plural(bytes, "byte")))
	return nil
}

// waitWords counts messages that wait.
func waitWords(n int) string {
	if n == 1 {
		return "1 message waits"
	}
	return plural(n, "message") + " wait"
}
