package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// Export returns the node's chain as a chain file (see p2pchain/core/chainfile), as it comes: all of
// it, or genesis and what is above a block named by its height or hash. ErrNotFound means that this
// block is not on the node's best chain. The caller closes it. An answer that breaks off ends with an
// error that is not io.EOF.
func (c *Client) Export(ctx context.Context, since string) (io.ReadCloser, error) {
	query := url.Values{}
	if since != "" {
		query.Set("since", since)
	}
	return c.send(ctx, call{method: http.MethodGet, path: v1 + "/export", query: query})
}
