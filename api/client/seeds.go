package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"p2pchain/api"
	"p2pchain/core"
)

// PutAdd adds a message in seed 1's way, PUT /add, and returns its id.
func (c *Client) PutAdd(ctx context.Context, message string) (core.Hash, error) {
	var added api.Added
	err := c.fetch(ctx, call{method: http.MethodPut, path: "/add", query: url.Values{"message": {message}}}, &added)
	if err != nil || added.ID == nil {
		return core.Hash{}, err
	}
	return *added.ID, nil
}

// Chain calls each with every block of the best chain, genesis first. An error of each ends it and is
// returned. That the node's answer was whole is known only when Chain returns nil.
func (c *Client) Chain(ctx context.Context, each func(ChainBlock) error) error {
	return c.stream(ctx, "/chain", map[string]func(*json.Decoder) error{"chain": element(each)})
}

// Data calls block with every block of the best chain, genesis first, and then waiting with every
// message that waits, both in the form of GET /data.
func (c *Client) Data(ctx context.Context, block func(DataBlock) error, waiting func(DataMessage) error) error {
	return c.stream(ctx, "/data", map[string]func(*json.Decoder) error{"data": element(block), "unprocessed": element(waiting)})
}

// element makes a function that reads the next element of an array.
func element[T any](each func(T) error) func(*json.Decoder) error {
	return func(dec *json.Decoder) error {
		var v T
		if err := dec.Decode(&v); err != nil {
			return whole(err)
		}
		return each(v)
	}
}

// stream reads an answer that is an object with arrays, element by element.
func (c *Client) stream(ctx context.Context, path string, arrays map[string]func(*json.Decoder) error) error {
	body, err := c.send(ctx, call{method: http.MethodGet, path: path})
	if err != nil {
		return err
	}
	defer body.Close()
	dec := json.NewDecoder(body)
	if err := delim(dec, '{'); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return whole(err)
		}
		name, _ := key.(string)
		if err := member(dec, arrays[name]); err != nil {
			return err
		}
	}
	return delim(dec, '}')
}

// member reads an array by its elements, or skips a value that nobody wants.
func member(dec *json.Decoder, next func(*json.Decoder) error) error {
	if next == nil {
		var skipped json.RawMessage
		return whole(dec.Decode(&skipped))
	}
	if err := delim(dec, '['); err != nil {
		return err
	}
	for dec.More() {
		if err := next(dec); err != nil {
			return err
		}
	}
	return delim(dec, ']')
}

// delim reads a bracket.
func delim(dec *json.Decoder, want json.Delim) error {
	tok, err := dec.Token()
	if err == nil && tok != want {
		return fmt.Errorf("the answer is not that of a node: want %v, got %v", want, tok)
	}
	return whole(err)
}

// whole turns the end of an answer where more should come into the error that it is.
func whole(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: the answer broke off", ErrUnreachable)
	}
	return err
}

// Neighbours lists the p2p addresses of the peers as HOST:PORT.
func (c *Client) Neighbours(ctx context.Context) ([]string, error) {
	var n api.Neighbours
	err := c.get(ctx, "/neighbours", nil, &n)
	return n.Neighbours, err
}

// PostData adds a value as seed 2 does: if a majority of the peers agrees, which it reports.
func (c *Client) PostData(ctx context.Context, value any) (bool, error) {
	body, err := json.Marshal(map[string]any{"data": value})
	if err != nil {
		return false, err
	}
	var reply api.SeedReply[bool]
	err = c.fetch(ctx, call{method: http.MethodPost, path: "/data", mediaType: "application/json", body: body}, &reply)
	return reply.Data, err
}

// SeedNode describes the node in seed 2's words.
func (c *Client) SeedNode(ctx context.Context) (SeedNode, error) {
	var reply api.SeedReply[SeedNode]
	err := c.get(ctx, "/node", nil, &reply)
	return reply.Data, err
}

// PostNode does nothing, as in seed 2.
func (c *Client) PostNode(ctx context.Context) error {
	return c.fetch(ctx, call{method: http.MethodPost, path: "/node"}, nil)
}

// SeedPeers returns the p2p addresses of the peers by their ids.
func (c *Client) SeedPeers(ctx context.Context) (map[string]SeedPeer, error) {
	var reply api.SeedReply[map[string]SeedPeer]
	err := c.get(ctx, "/peers", nil, &reply)
	return reply.Data, err
}

// PostPeers makes the node connect to a peer at a multiaddr with a /p2p/ part, as seed 2 would.
func (c *Client) PostPeers(ctx context.Context, multiaddr string) error {
	body, err := json.Marshal(map[string]string{"multiaddr": multiaddr})
	if err != nil {
		return err
	}
	return c.fetch(ctx, call{method: http.MethodPost, path: "/peers", mediaType: "application/json", body: body}, nil)
}
