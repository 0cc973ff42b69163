package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"p2pchain/api"
)

// Mining says how mining goes.
func (c *Client) Mining(ctx context.Context) (Mining, error) {
	var m Mining
	err := c.get(ctx, v1+"/mining", nil, &m)
	return m, err
}

// SetMining changes when the node mines, unless mode is empty, and with how many threads, unless that
// is 0, for as long as the node runs.
func (c *Client) SetMining(ctx context.Context, mode string, threads int) (Mining, error) {
	body, err := json.Marshal(struct {
		Mode    string `json:"mode,omitempty"`
		Threads int    `json:"threads,omitempty"`
	}{mode, threads})
	if err != nil {
		return Mining{}, err
	}
	var m Mining
	err = c.fetch(ctx, call{method: http.MethodPut, path: v1 + "/mining", mediaType: "application/json", body: body}, &m)
	return m, err
}

// Connect has the node connect to a multiaddr that ends in /p2p/ID, and returns once the peer is past
// hello. An *Error with the code peer_unreachable means that the node did not reach the peer.
func (c *Client) Connect(ctx context.Context, multiaddr string) (Connected, error) {
	body, err := json.Marshal(map[string]string{"multiaddr": multiaddr})
	if err != nil {
		return Connected{}, err
	}
	var peer Connected
	err = c.fetch(ctx, call{method: http.MethodPost, path: v1 + "/peers", mediaType: "application/json", body: body}, &peer)
	return peer, err
}

// Disconnect has the node end its connections to a peer; ErrNotFound where it has none. Either side
// may connect again.
func (c *Client) Disconnect(ctx context.Context, peerID string) error {
	return c.fetch(ctx, call{method: http.MethodDelete, path: v1 + "/peers/" + url.PathEscape(peerID)}, nil)
}

// Import has the node take in the blocks of a chain file, plain or with gzip, while it runs, and
// tells progress, which may be nil, now and then how far that is. An *Error says why it ended early;
// what was taken in before stays, and is what the result counts then.
func (c *Client) Import(ctx context.Context, file io.Reader, progress func(ImportResult)) (ImportResult, error) {
	rq := call{method: http.MethodPost, path: v1 + "/import", mediaType: "application/octet-stream", stream: file, accept: "application/x-ndjson"}
	body, err := c.send(ctx, rq)
	if err != nil {
		return ImportResult{}, err
	}
	defer body.Close()
	lines := json.NewDecoder(bufio.NewReader(body))
	var last ImportResult
	for {
		var line ImportResult
		if err := lines.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return last, fmt.Errorf("%w: the answer breaks off: %w", ErrUnreachable, err)
		}
		last = line
		switch line.Status {
		case api.ImportDone:
			return last, nil
		case api.ImportStopped:
			problem := api.Problem{Status: line.HTTPStatus, Code: line.Code, Detail: line.Detail}
			return last, &Error{Problem: problem}
		}
		if progress != nil {
			progress(line)
		}
	}
}
