package client

import (
	"context"
	"io"
	"net/http"
)

// Backup returns a backup of the node's store as it comes: a tar archive that `p2pchain restore` reads.
// The caller closes it. An answer that breaks off ends with an error that is not io.EOF.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	return c.send(ctx, call{method: http.MethodGet, path: v1 + "/backup"})
}
