package exchange

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/p2p/exchange/wire"
)

// A Client asks connected peers; it never dials. Its methods are safe for concurrent use, end with
// their context, and return errors that wrap ErrProtocol or ErrTransport.
type Client struct {
	host      host.Host
	network   *core.Network
	protocols Protocols
	cfg       Config
}

// NewClient returns a client that asks over h.
func NewClient(h host.Host, n *core.Network, cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Client{host: h, network: n, protocols: ProtocolsOf(n), cfg: cfg}, nil
}

// An answer is a stream whose request was sent.
type answer struct {
	*pipe
	stop   func() bool // the context's hold on the stream
	cancel context.CancelFunc
}

// ask opens a stream, sends the request, and reserves memory for frames of up to limit bytes. Who
// gets an answer must end it.
func (c *Client) ask(ctx context.Context, p peer.ID, id protocol.ID, request proto.Message, limit int) (*answer, error) {
	opening, opened := context.WithTimeout(network.WithNoDial(ctx, "exchange asks connected peers"), c.cfg.FrameTimeout)
	defer opened()
	s, err := c.host.NewStream(opening, p, id)
	if err != nil {
		return nil, classify(ctx, err)
	}
	a := &answer{}
	bounded, cancel := context.WithTimeout(ctx, c.cfg.StreamTimeout)
	a.cancel = cancel
	a.stop = context.AfterFunc(bounded, func() { s.Reset() })
	a.pipe, err = newPipe(s, limit, c.cfg.FrameTimeout)
	if err == nil {
		err = a.write(request)
	}
	if err != nil {
		return nil, a.end(ctx, err)
	}
	// A server lets requests wait for as long as a frame may take, before it gives them up: it must not
	// be taken for one that stalls.
	a.timeout += a.timeout / 5
	// A quick peer may have answered and stopped reading by now, which QUIC reports as an error here.
	// The request is on its way; what became of it is for the answer to say.
	_ = s.CloseWrite()
	return a, nil
}

// end closes the stream, by a reset after an error, and returns the error with its class.
func (a *answer) end(ctx context.Context, err error) error {
	a.stop()
	a.cancel()
	if err == nil {
		a.stream.Close() // all that was asked for is here, so how it ends says nothing
		return nil
	}
	a.stream.Reset()
	return classify(ctx, err)
}

// askOnce is for answers of one frame.
func (c *Client) askOnce(ctx context.Context, p peer.ID, id protocol.ID, request, reply proto.Message, limit int) error {
	a, err := c.ask(ctx, p, id, request, limit)
	if err != nil {
		return err
	}
	return a.end(ctx, noEOF(a.read(reply, limit)))
}

// Hello tells a peer who we are and returns what it says of itself, and how long that took. That it
// is of another network is no error here.
func (c *Client) Hello(ctx context.Context, p peer.ID, own Hello) (Hello, time.Duration, error) {
	var reply wire.Hello
	start := time.Now()
	if err := c.askOnce(ctx, p, c.protocols.Hello, own.encode(), &reply, maxHelloFrame); err != nil {
		return Hello{}, 0, fmt.Errorf("hello: %w", err)
	}
	took := time.Since(start)
	h, err := decodeHello(&reply)
	return h, took, err
}

// Headers returns up to limit headers of the peer's best chain after the first block of the locator
// that is on it, or after genesis where none is. They are ascending, each names the one before it as
// its parent, and the parent of the first is of the locator, or genesis; nothing else was judged.
func (c *Client) Headers(ctx context.Context, p peer.ID, locator []core.Hash, limit int) ([]core.Header, error) {
	locator, limit = locator[:min(len(locator), MaxLocator)], min(limit, MaxHeaders)
	var reply wire.HeadersReply
	request := &wire.HeadersRequest{Locator: joinHashes(locator), Limit: uint32(limit)}
	if err := c.askOnce(ctx, p, c.protocols.Headers, request, &reply, maxHeadersFrame(limit)); err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	return decodeHeaders(reply.Headers, append(locator[:len(locator):len(locator)], c.network.Genesis), limit)
}

// maxHeadersFrame is the size of a HeadersReply.
func maxHeadersFrame(limit int) int { return limit*core.HeaderSize + 16 }

// decodeHeaders checks that headers are what was asked for.
func decodeHeaders(b []byte, parents []core.Hash, limit int) ([]core.Header, error) {
	if len(b)%core.HeaderSize != 0 || len(b) > limit*core.HeaderSize {
		return nil, broken("%d bytes of headers", len(b))
	}
	headers := make([]core.Header, len(b)/core.HeaderSize)
	for i := range headers {
		h, err := core.DecodeHeader(b[i*core.HeaderSize : (i+1)*core.HeaderSize])
		if err != nil {
			return nil, broken("header %d: %w", i, err)
		}
		if i > 0 && h.Height != headers[i-1].Height+1 {
			return nil, broken("header %d: height %d after %d", i, h.Height, headers[i-1].Height)
		}
		if !contains(parents, h.PreviousHash) {
			return nil, broken("header %d continues nothing that was asked for", i)
		}
		headers[i], parents = h, []core.Hash{h.Hash()}
	}
	return headers, nil
}

func contains(all []core.Hash, one core.Hash) bool {
	for i := range all {
		if all[i] == one {
			return true
		}
	}
	return false
}

// Mempool returns up to limit ids of messages that wait at the peer, oldest first, and what to pass
// as after to go on; 0 begins. No ids: that was all.
func (c *Client) Mempool(ctx context.Context, p peer.ID, after uint64, limit int) ([]core.Hash, uint64, error) {
	limit = min(limit, MaxPage)
	var reply wire.MempoolReply
	request := &wire.MempoolRequest{After: after, Limit: uint32(limit)}
	if err := c.askOnce(ctx, p, c.protocols.Mempool, request, &reply, limit*core.HashSize+32); err != nil {
		return nil, after, fmt.Errorf("mempool: %w", err)
	}
	ids, err := splitHashes(reply.Ids, limit)
	if err != nil {
		return nil, after, err
	}
	if len(ids) > 0 && reply.End <= after { // it would never end
		return nil, after, broken("page of the mempool that ends at %d after %d", reply.End, after)
	}
	return ids, max(after, reply.End), nil
}

// Vote asks the peer whether it would take a message, and returns its reason for a no.
func (c *Client) Vote(ctx context.Context, p peer.ID, m *core.Message) (bool, string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.VoteTimeout)
	defer cancel()
	var reply wire.VoteReply
	request := &wire.VoteRequest{Message: m.Bytes()}
	if err := c.askOnce(ctx, p, c.protocols.Vote, request, &reply, maxHelloFrame); err != nil {
		return false, "", fmt.Errorf("vote: %w", err)
	}
	return reply.Yes, printable(reply.Reason, maxReason), nil
}

// joinHashes and splitHashes turn hashes into one field and back.
func joinHashes(hashes []core.Hash) []byte {
	b := make([]byte, 0, len(hashes)*core.HashSize)
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

func splitHashes(b []byte, limit int) ([]core.Hash, error) {
	if len(b)%core.HashSize != 0 || len(b) > limit*core.HashSize {
		return nil, broken("%d bytes of hashes", len(b))
	}
	hashes := make([]core.Hash, len(b)/core.HashSize)
	for i := range hashes {
		hashes[i] = core.Hash(b[i*core.HashSize:])
	}
	return hashes, nil
}
