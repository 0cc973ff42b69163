package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

const (
	seedOK      = "OK"
	ageLayout   = "2006-01-02 15:04:05.000000"
	dialTimeout = 10 * time.Second
	voteTimeout = 5 * time.Second // voters have 3 s; this bounds a Host that forgets it
)

// getData serves both seeds at once: the blocks as seed 2 shows them, and as unprocessed the messages
// that seed 1 has here.
func (s *Server) getData(w *response, r *http.Request) error {
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	out.raw(`{"status":"OK","data":[`)
	if _, err := eachPiece(r.Context(), s.walk(), out, s.appendDataBlock()); err != nil {
		return err
	}
	out.raw(`],"unprocessed":[`)
	length, err := s.writeUnprocessed(r.Context(), out)
	if err != nil {
		return err
	}
	out.raw(`],"length":`, strconv.Itoa(length), "}\n")
	return out.end()
}

// appendDataBlock returns what appends a block, or its next part, in seed 2's form: its messages are
// JSON inside of a JSON string.
func (s *Server) appendDataBlock() func([]byte, *chain.Piece) []byte {
	var text []byte // the JSON of the messages of a part
	return func(dst []byte, p *chain.Piece) []byte {
		h := &p.Header
		if p.From == 0 {
			dst = strconv.AppendUint(append(dst, `{"index":`...), h.Height, 10)
			dst = appendHex(append(dst, `,"previous_hash":`...), h.PreviousHash[:])
			dst = append(dst, `,"data":"`...)
		}
		array := h.MessageCount != 1 && h.Height > 0
		text = text[:0]
		if array && p.From == 0 {
			text = append(text, '[')
		}
		if h.Height == 0 {
			text = appendString(text, s.deps.Network.Params.Text)
		}
		for i := range p.Messages {
			if p.From+i > 0 {
				text = append(text, ',')
			}
			text = appendText(text, &p.Messages[i].Message)
		}
		if array && p.Whole() {
			text = append(text, ']')
		}
		dst = appendEscaped(dst, text)
		if p.Whole() {
			dst = append(appendHex(append(dst, `","curr_hash":`...), p.Hash[:]), '}')
		}
		return dst
	}
}

// appendText appends the text of a message as JSON, null where it has none.
func appendText(dst []byte, m *core.Message) []byte {
	if m.Body == nil || !utf8.Valid(m.Body.Payload) {
		return append(dst, "null"...)
	}
	return appendString(dst, m.Body.Payload)
}

// writeUnprocessed writes the waiting messages, oldest first, and returns how many.
func (s *Server) writeUnprocessed(ctx context.Context, out *stream) (int, error) {
	length, after := 0, uint64(0)
	for out.err == nil {
		page, err := s.deps.Pool.List(after, mostPage)
		if err != nil {
			return length, err
		}
		if len(page) == 0 {
			_, err = s.settled(ctx)
			return length, err
		}
		after = page[len(page)-1].Seq
		err = s.eachWaiting(out, page, func(_ *mempool.Waiting, m *core.Message, e *chain.Erasure) {
			if length > 0 {
				out.buf = append(out.buf, ',')
			}
			out.buf = appendHex(append(out.buf, `{"id":`...), m.ID[:])
			out.buf = append(appendPayload(append(out.buf, ','), m, e), '}')
			length++
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return length, err
		}
	}
	return length, nil
}

// postData adds what a majority of the peers agrees to.
func (s *Server) postData(w *response, r *http.Request) error {
	body, err := readBody(w, r, s.maxJSONBody())
	if err != nil {
		return err
	}
	payload, err := dataMember(body)
	if err != nil {
		return err
	}
	d := draft{payload: payload}
	if err := s.check(&d); err != nil {
		return err
	}
	if !s.votes.try() {
		return busy("too_many_votes_at_once", "as many votes as this node allows are being taken")
	}
	defer s.votes.release()
	agreed, err := s.addAgreed(r.Context(), d)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, SeedReply[bool]{seedOK, agreed})
}

// dataMember returns what is to be added: a string as it is, other JSON in its compact form. Other
// members are none of our business, as in the seed. An empty string is a value like any other here:
// only a missing member is refused, while the other routes refuse an empty message, too.
func dataMember(body []byte) ([]byte, error) {
	members, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.key != "data" {
			continue
		}
		if m.raw[0] == '"' {
			var text string
			err := stringMember(m, &text)
			return []byte(text), err
		}
		var compact bytes.Buffer
		err := json.Compact(&compact, m.raw)
		return compact.Bytes(), err
	}
	return nil, badRequest("missing_member", "want a member \"data\"")
}

// addAgreed adds a message if more than half of the peers, and at least one, are for it.
func (s *Server) addAgreed(ctx context.Context, d draft) (bool, error) {
	m, err := s.compose(d)
	if err != nil {
		return false, err
	}
	voting, cancel := context.WithTimeout(ctx, voteTimeout)
	defer cancel()
	yes, asked := s.deps.Host.Vote(voting, m)
	if err := ctx.Err(); err != nil {
		return false, err // nobody is there to hear about it
	}
	if 2*yes <= asked { // so it is without peers
		return false, nil
	}
	if err := s.turn(ctx); err != nil {
		return false, err
	}
	defer s.writes.release()
	return true, known(s.deps.Pool.Add([]*core.Message{m}, mempool.Origin{})[0])
}

// getSeedNode is seed 2's description of a node.
func (s *Server) getSeedNode(w *response, _ *http.Request) error {
	_, port, _ := endpoint(s.deps.Host.Addrs())
	return writeJSON(w, http.StatusOK, SeedReply[SeedNode]{seedOK, SeedNode{
		PeerID:    s.deps.Host.ID(),
		DataCount: s.deps.Chain.Tip().Header.Height + 1,
		Health:    s.chainValid(),
		RPCPort:   port,
		Age:       s.started.Format(ageLayout),
	}})
}

// postSeedNode does what it does in seed 2: nothing.
func (s *Server) postSeedNode(w *response, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, SeedReply[struct{}]{Status: seedOK})
}

// getSeedPeers is seed 2's table of peers.
func (s *Server) getSeedPeers(w *response, _ *http.Request) error {
	table := make(map[string]SeedPeer)
	for _, p := range s.deps.Host.Peers() {
		host, port, _ := endpoint(p.Addresses)
		table[p.ID] = SeedPeer{host, port}
	}
	return writeJSON(w, http.StatusOK, SeedReply[map[string]SeedPeer]{seedOK, table})
}

// postSeedPeers connects to a peer, which seed 2 only pretends to do.
func (s *Server) postSeedPeers(w *response, r *http.Request) error {
	if _, err := s.dialAsked(w, r); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{seedOK})
}

// peerMembers reads {"multiaddr"} or {"peer_id", "peer_host", "peer_port"}, the port as a string or
// a number.
func peerMembers(body []byte) (string, error) {
	members, err := parseObject(body)
	if err != nil {
		return "", err
	}
	const want = "\"multiaddr\", or \"peer_id\", \"peer_host\" and \"peer_port\""
	var addr, id, host, port string
	into := map[string]*string{"multiaddr": &addr, "peer_id": &id, "peer_host": &host, "peer_port": &port}
	for _, m := range members {
		if into[m.key] == nil {
			return "", unknownMember(m.key, want)
		}
		if m.key == "peer_port" && m.raw[0] != '"' {
			port = string(m.raw)
		} else if err := stringMember(m, into[m.key]); err != nil {
			return "", err
		}
	}
	switch {
	case (addr == "") == (id+host+port == ""):
		return "", badRequest("bad_address", "want either "+want)
	case addr == "":
		return peerAddress(id, host, port)
	case !strings.HasPrefix(addr, "/"):
		return "", badRequest("bad_address", fmt.Sprintf("%q is not a multiaddr: want one like /ip4/192.0.2.1/tcp/22345/p2p/12D3KooW…", addr))
	}
	return addr, nil
}
