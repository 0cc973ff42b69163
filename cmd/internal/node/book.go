package node

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/bootstrap"
)

// A peerStore is what a book needs of the store: entries by peer id, as bytes.
type peerStore interface {
	Peers() (map[string][]byte, error)
	PutPeer(id string, value []byte) error
	RemovePeer(id string) error
}

// A book is bootstrap's peer book, kept in the store.
type book struct {
	store peerStore
	log   *slog.Logger
}

var _ bootstrap.Book = book{}

// Peers returns every entry that can be read; peers can be found again, so the others are left out.
func (b book) Peers(context.Context) ([]bootstrap.Entry, error) {
	stored, err := b.store.Peers()
	if err != nil {
		return nil, fmt.Errorf("reading the peer book: %w", err)
	}
	entries := make([]bootstrap.Entry, 0, len(stored))
	for id, value := range stored {
		var e bootstrap.Entry
		if err := e.UnmarshalBinary(value); err != nil || string(e.ID) != id {
			b.log.Warn("leaving out an entry of the peer book", "err", err)
			continue
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Put stores an entry in place of an earlier one of the same peer.
func (b book) Put(_ context.Context, e bootstrap.Entry) error {
	value, err := e.MarshalBinary()
	if err != nil {
		return err
	}
	return b.store.PutPeer(string(e.ID), value)
}

// Remove forgets a peer.
func (b book) Remove(_ context.Context, id peer.ID) error { return b.store.RemovePeer(string(id)) }
