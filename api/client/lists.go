package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"p2pchain/api"
	"p2pchain/core"
)

// A Filter says which messages a list has. The zero Filter takes all.
type Filter struct {
	Status        string          // StatusWaiting or StatusConfirmed; empty: both
	Author        *core.PublicKey // nil: any
	MediaType     string          // as text/plain, which takes it with any parameters, or image/*; empty: any
	After, Before time.Time       // of the author's clock: from After on, up to but without Before; zero: any
	Text          string          // words that a text must have, each anywhere and in any case
	SHA256        *core.Hash      // of a file or a manifest: only messages that notarise it, those that came last first; nil: any
}

func (f Filter) query() url.Values {
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	set("status", f.Status)
	set("type", f.MediaType)
	set("text", f.Text)
	if f.Author != nil {
		set("author", f.Author.String())
	}
	if f.SHA256 != nil {
		set("sha256", f.SHA256.String())
	}
	if !f.After.IsZero() {
		set("after", f.After.UTC().Format(time.RFC3339Nano))
	}
	if !f.Before.IsZero() {
		set("before", f.Before.UTC().Format(time.RFC3339Nano))
	}
	return query
}

// Messages lists messages that pass a filter: those that wait, newest first, then those on the best
// chain from its tip down. It begins there, or with the Next of an earlier page. A page may be short or
// even empty, and only one without a Next is the last.
func (c *Client) Messages(ctx context.Context, f Filter, cursor string, limit int) (MessagePage, error) {
	query := f.query()
	for name, values := range page(cursor, limit) {
		query[name] = values
	}
	var p MessagePage
	err := c.get(ctx, v1+"/messages", query, &p)
	return p, err
}

// AllMessages yields all messages that pass a filter, in the order of Messages, as they come. That
// there are no more is known only when it ends without an error.
func (c *Client) AllMessages(ctx context.Context, f Filter) iter.Seq2[Message, error] {
	return lines[Message](ctx, c, v1+"/messages", f.query())
}

// Headers lists headers of the best chain, lowest first: from a block named by its height or hash, from
// genesis where that is empty, or from the Next of an earlier page.
func (c *Client) Headers(ctx context.Context, from, cursor string, limit int) (HeaderPage, error) {
	query := page(cursor, limit)
	if from != "" {
		query.Set("from", from)
	}
	var p HeaderPage
	err := c.get(ctx, v1+"/headers", query, &p)
	return p, err
}

// AllHeaders yields the headers of the best chain, lowest first, from a block on, or from genesis.
func (c *Client) AllHeaders(ctx context.Context, from string) iter.Seq2[Block, error] {
	return lines[Block](ctx, c, v1+"/headers", fromQuery(from))
}

// AllBlocks yields the blocks of the best chain with their messages, lowest first, from a block on, or
// from genesis.
func (c *Client) AllBlocks(ctx context.Context, from string) iter.Seq2[FullBlock, error] {
	return lines[FullBlock](ctx, c, v1+"/blocks", fromQuery(from))
}

func fromQuery(from string) url.Values {
	if from == "" {
		return nil
	}
	return url.Values{"from": {from}}
}

// AllWaiting yields all waiting messages, oldest first.
func (c *Client) AllWaiting(ctx context.Context) iter.Seq2[WaitingMessage, error] {
	return lines[WaitingMessage](ctx, c, v1+"/mempool", nil)
}

// Tips lists the ends of all branches that the node knows, and which peers stand on them.
func (c *Client) Tips(ctx context.Context) (TipList, error) {
	var list TipList
	err := c.get(ctx, v1+"/tips", nil, &list)
	return list, err
}

// Reorgs lists the reorgs that the node has seen, newest first: all, or from the Next of an earlier page.
func (c *Client) Reorgs(ctx context.Context, cursor string, limit int) (ReorgPage, error) {
	var p ReorgPage
	err := c.get(ctx, v1+"/reorgs", page(cursor, limit), &p)
	return p, err
}

// Search finds what a text may name: a height, the beginning of a hash, words. Where it has a Next,
// Messages with a Filter of that text goes on.
func (c *Client) Search(ctx context.Context, text string) (SearchResult, error) {
	var found SearchResult
	err := c.get(ctx, v1+"/search", url.Values{"q": {text}}, &found)
	return found, err
}

// lines yields the lines of a list. The request is made when the loop begins.
func lines[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		body, err := c.send(ctx, call{method: http.MethodGet, path: path, query: query, accept: "application/x-ndjson"})
		if err != nil {
			yield(none, err)
			return
		}
		defer body.Close()
		for dec := json.NewDecoder(body); ; {
			var v T
			err := dec.Decode(&v)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(none, whole(err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// The words of api for the ends of branches.
const (
	TipBest      = api.TipBest
	TipSide      = api.TipSide
	TipHeaders   = api.TipHeaders
	TipCondemned = api.TipCondemned
)
