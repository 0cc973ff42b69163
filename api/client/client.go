package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultTimeout is how long a Client waits for an answer, or for the next piece of a long one.
const DefaultTimeout = 30 * time.Second

// maxAnswer bounds answers that are read as a whole.
const maxAnswer = 64 << 20

// A Client talks to one node. It is safe for concurrent use.
type Client struct {
	base    string
	http    *http.Client
	token   string
	timeout time.Duration
	dial    func(context.Context) (net.Conn, error) // nil: to the address
	direct  http.RoundTripper                       // nil: over a connection
	tls     *tls.Config                             // nil: the system's authorities decide
}

// An Option changes how a Client works.
type Option func(*Client)

// WithToken sends the node's token, which writes may need.
func WithToken(token string) Option { return func(c *Client) { c.token = token } }

// WithTimeout replaces DefaultTimeout.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithDialer replaces how connections to the node are made, whatever the address says.
func WithDialer(dial func(context.Context) (net.Conn, error)) Option {
	return func(c *Client) { c.dial = dial }
}

// WithTransport replaces all of how requests reach the node, for one in the same process.
func WithTransport(t http.RoundTripper) Option { return func(c *Client) { c.direct = t } }

// New returns a client of the API at an address: http://HOST:PORT, https://HOST:PORT, HOST:PORT, or
// unix:///PATH for a socket. It does not connect yet.
func New(address string, options ...Option) (*Client, error) {
	c := &Client{base: strings.TrimSuffix(address, "/"), timeout: DefaultTimeout}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if path, unix := strings.CutPrefix(address, "unix://"); unix {
		c.base = "http://localhost"
		c.dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) }
	} else if !strings.Contains(address, "://") {
		c.base = "http://" + c.base
	}
	u, err := url.Parse(c.base)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("address %q: want http://HOST:PORT or unix:///PATH", address)
	}
	for _, o := range options {
		o(c)
	}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		MaxIdleConnsPerHost: 128,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     c.tls,
		DisableCompression:  c.dial != nil || isLocal(u.Hostname()), // it is slower than such a link
	}
	if c.dial != nil {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) }
	}
	var through http.RoundTripper = transport
	if c.direct != nil {
		through = c.direct
	}
	c.http = &http.Client{
		Transport: through,
		// A node never redirects; whatever does is none.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Address returns the URL of the API.
func (c *Client) Address() string { return c.base }

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// A call is one request.
type call struct {
	method    string
	path      string
	query     url.Values
	mediaType string
	key       string // for Idempotency-Key, empty: none
	body      []byte
	stream    io.Reader     // in the place of body, where that is long; it may take its time
	accept    string        // the wanted media type, empty where any is
	timeout   time.Duration // 0: that of the client
}

// send makes a request and returns an answer of success. Its body ends with an error if nothing comes
// for as long as the timeout, and has to be closed.
func (c *Client) send(ctx context.Context, rq call) (io.ReadCloser, error) {
	target := c.base + rq.path
	if len(rq.query) > 0 {
		target += "?" + rq.query.Encode()
	}
	timeout := rq.timeout
	if timeout == 0 {
		timeout = c.timeout
	}
	inner, cancel := context.WithCancelCause(ctx)
	stall := time.AfterFunc(timeout, func() { cancel(errStalled) })
	end := func() { stall.Stop(); cancel(nil) }

	var body io.Reader
	if rq.body != nil {
		body = bytes.NewReader(rq.body)
	}
	if rq.stream != nil {
		body = &pacedReader{rq.stream, stall, timeout}
	}
	r, err := http.NewRequestWithContext(inner, rq.method, target, body)
	if err != nil {
		end()
		return nil, err
	}
	if rq.mediaType != "" {
		r.Header.Set("Content-Type", rq.mediaType)
	}
	if rq.accept != "" {
		r.Header.Set("Accept", rq.accept)
	}
	if rq.key != "" {
		r.Header.Set("Idempotency-Key", rq.key)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		err = unreachable(ctx, inner, err)
		end()
		return nil, err
	}
	out := &answerBody{answer.Body, stall, timeout, end, func(err error) error { return unreachable(ctx, inner, err) }}
	if answer.StatusCode/100 != 2 {
		defer out.Close()
		return nil, readError(answer.StatusCode, answer.Header, out)
	}
	return out, nil
}

// errStalled is why a request was given up that made no progress.
var errStalled = errors.New("no answer in time")

// unreachable says why there is no answer. The caller's own end of patience stays recognisable.
func unreachable(ctx, inner context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("asking the node: %w", ctx.Err())
	}
	if cause := context.Cause(inner); cause != nil {
		err = cause
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// A pacedReader gives the node the same time for each piece of what it is sent. How long the pieces
// take to come about is not its fault.
type pacedReader struct {
	r       io.Reader
	stall   *time.Timer
	timeout time.Duration
}

func (p *pacedReader) Read(b []byte) (int, error) {
	p.stall.Stop()
	n, err := p.r.Read(b)
	p.stall.Reset(p.timeout)
	return n, err
}

// An answerBody gives the node the same time for each piece.
type answerBody struct {
	body    io.ReadCloser
	stall   *time.Timer
	timeout time.Duration
	end     func()
	explain func(error) error
}

func (a *answerBody) Read(b []byte) (int, error) {
	a.stall.Reset(a.timeout)
	n, err := a.body.Read(b)
	if err != nil && err != io.EOF {
		err = a.explain(err)
	}
	return n, err
}

func (a *answerBody) Close() error {
	defer a.end()
	return a.body.Close()
}

// fetch makes a request and reads its answer into out, unless that is nil.
func (c *Client) fetch(ctx context.Context, rq call, out any) error {
	body, err := c.send(ctx, rq)
	if err != nil {
		return err
	}
	defer body.Close()
	answer, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not that of a node: %w", rq.method, rq.path, err)
	}
	return nil
}

// get is fetch for a route without a body.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.fetch(ctx, call{method: http.MethodGet, path: path, query: query}, out)
}
