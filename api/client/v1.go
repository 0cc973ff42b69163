package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"unicode/utf8"

	"p2pchain/core"
)

const v1 = "/api/v1"

// Add adds a message. An empty media type is plain text, or bytes where the payload is not UTF-8.
// When it returns without an error, the message is durable on the node and waits for a block.
func (c *Client) Add(ctx context.Context, payload []byte, mediaType string, options ...AddOption) (Receipt, error) {
	var rq call
	switch {
	case mediaType != "":
		body, err := json.Marshal(struct {
			Payload   []byte `json:"payload_base64"`
			MediaType string `json:"media_type"`
		}{payload, mediaType})
		if err != nil {
			return Receipt{}, err
		}
		rq.mediaType, rq.body = "application/json", body
	case utf8.Valid(payload):
		rq.mediaType, rq.body = "text/plain; charset=utf-8", payload
	default:
		rq.mediaType, rq.body = "application/octet-stream", payload
	}
	return c.add(ctx, rq, options)
}

// Message returns a message and where it stands; ErrNotFound if it neither waits on this node nor is
// on its best chain.
func (c *Client) Message(ctx context.Context, id core.Hash) (Message, error) {
	var m Message
	err := c.get(ctx, v1+"/messages/"+id.String(), nil, &m)
	return m, err
}

// page makes the query of a list; limit 0 leaves it to the node.
func page(cursor string, limit int) url.Values {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return query
}

// Mempool lists waiting messages, oldest first: from the start, or from the Next of an earlier page.
func (c *Client) Mempool(ctx context.Context, cursor string, limit int) (MempoolPage, error) {
	var p MempoolPage
	err := c.get(ctx, v1+"/mempool", page(cursor, limit), &p)
	return p, err
}

// Blocks lists blocks of the best chain, newest first: from the tip, or from the Next of an earlier
// page.
func (c *Client) Blocks(ctx context.Context, cursor string, limit int) (BlockPage, error) {
	var p BlockPage
	err := c.get(ctx, v1+"/blocks", page(cursor, limit), &p)
	return p, err
}

// Block returns a block with its messages. It is named by its height, its hash, or as "tip".
func (c *Client) Block(ctx context.Context, name string) (FullBlock, error) {
	var b FullBlock
	err := c.get(ctx, v1+"/blocks/"+url.PathEscape(name), nil, &b)
	return b, err
}

// BlockMessages returns a block with some of its messages: from a position on, up to limit of them, and
// fewer where they are large; limit 0 leaves it to the node. It is named as in Block.
func (c *Client) BlockMessages(ctx context.Context, name string, position, limit int) (BlockPart, error) {
	var b BlockPart
	query := page("", limit)
	query.Set("position", strconv.Itoa(position))
	err := c.get(ctx, v1+"/blocks/"+url.PathEscape(name)+"/messages", query, &b)
	return b, err
}

// Node describes the node.
func (c *Client) Node(ctx context.Context) (Node, error) {
	var n Node
	err := c.get(ctx, v1+"/node", nil, &n)
	return n, err
}

// Peers lists the peers of the node.
func (c *Client) Peers(ctx context.Context) ([]Peer, error) {
	var list PeerList
	err := c.get(ctx, v1+"/peers", nil, &list)
	return list.Peers, err
}

// Invite returns what others join the node's network with; ErrBusy where nobody can say yet where the
// node is.
func (c *Client) Invite(ctx context.Context) (Invite, error) {
	var i Invite
	err := c.get(ctx, v1+"/invite", nil, &i)
	return i, err
}

// Live returns nil if the node answers at all.
func (c *Client) Live(ctx context.Context) error { return c.get(ctx, "/livez", nil, nil) }

// Ready returns nil if the node takes messages and has caught up with its peers, else ErrBusy.
func (c *Client) Ready(ctx context.Context) error { return c.get(ctx, "/readyz", nil, nil) }
