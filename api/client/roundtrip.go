package client

import (
	"fmt"
	"net/http"
	"net/url"
)

// RoundTrip implements http.RoundTripper, for those who pass on requests of others: whatever host a request
// is for, it goes to the node, with the client's token unless it has one of its own.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	base, err := url.Parse(c.base)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", c.base, err)
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.Host = base.Scheme, base.Host, ""
	if c.token != "" && out.Header.Get("Authorization") == "" {
		out.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Transport.RoundTrip(out)
}
