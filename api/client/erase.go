package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"p2pchain/api"
	"p2pchain/core"
)

// What a node answers about erasures; the fields are described in package api.
type (
	Erasure       = api.Erasure
	EraseResult   = api.EraseResult
	ErasedEvent   = api.ErasedEvent
	ErasedMessage = api.ErasedMessage
	ErasedPage    = api.ErasedPage
)

// The words of api for who erased a message, and how far that reaches.
const (
	ByAuthor     = api.ByAuthor
	ByOperator   = api.ByOperator
	ScopeNetwork = api.ScopeNetwork
	ScopeLocal   = api.ScopeLocal
)

// Erase erases the payload of a message: on the node at once, and with the scope ScopeNetwork, which needs
// the node to have the author's key, by a message that asks all others to do the same. An empty scope is
// ScopeNetwork where that can be and ScopeLocal otherwise. ErrNotFound where the node does not have the
// message.
func (c *Client) Erase(ctx context.Context, id core.Hash, scope string) (EraseResult, error) {
	query := url.Values{}
	if scope != "" {
		query.Set("scope", scope)
	}
	var result EraseResult
	err := c.fetch(ctx, call{method: http.MethodDelete, path: v1 + "/messages/" + id.String(), query: query}, &result)
	return result, err
}

// Erased lists who erased what and when, newest first, from the start or from the Next of an earlier page.
func (c *Client) Erased(ctx context.Context, cursor string, limit int) (ErasedPage, error) {
	var p ErasedPage
	err := c.get(ctx, v1+"/erased", page(cursor, limit), &p)
	return p, err
}

// AllErased goes through all erasures, newest first, and ends with the first error.
func (c *Client) AllErased(ctx context.Context) iter.Seq2[ErasedMessage, error] {
	return lines[ErasedMessage](ctx, c, v1+"/erased", nil)
}
