package node

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"p2pchain/bootstrap"
)

// A shelf is a peerStore in memory.
type shelf map[string][]byte

func (s shelf) Peers() (map[string][]byte, error) {
	if s == nil {
		return nil, errors.New("no shelf")
	}
	return maps.Clone(s), nil
}
func (s shelf) PutPeer(id string, value []byte) error { s[id] = bytes.Clone(value); return nil }
func (s shelf) RemovePeer(id string) error            { delete(s, id); return nil }

func TestBook(t *testing.T) {
	id, err := peer.Decode("12D3KooWGRUacXcJv9Yd3jDzZdTfEYeUkWSEKiZZcCQkHY3uRnBq")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := make(shelf)
	b := book{s, slog.New(slog.NewTextHandler(&log, nil))}
	entry := bootstrap.Entry{ID: id, Addrs: []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/1")}, Anchor: true}
	if err := b.Put(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	s["damaged"] = []byte("not an entry")
	s["somebody else"] = s[string(id)]
	got, err := b.Peers(t.Context())
	if err != nil || len(got) != 1 || got[0].ID != id || !got[0].Anchor {
		t.Errorf("Peers = %v, %v, want the one entry", got, err)
	}
	if n := strings.Count(log.String(), "leaving out"); n != 2 {
		t.Errorf("%d entries were reported, want 2:\n%s", n, &log)
	}
	if err := b.Remove(t.Context(), id); err != nil || len(s) != 2 {
		t.Errorf("Remove = %v and left %d entries", err, len(s))
	}
	if _, err := (book{shelf(nil), b.log}).Peers(t.Context()); err == nil {
		t.Error("a store that cannot be read is no error")
	}
}
