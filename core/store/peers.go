package store

import (
	"fmt"
	"slices"
)

// MaxPeerID and MaxPeerValue bound an entry of the peer book, in bytes.
const (
	MaxPeerID    = 256
	MaxPeerValue = 64 << 10
)

// Peers returns the peer book. Its values are the caller's own format.
func (s *Store) Peers() (map[string][]byte, error) {
	return single(s, func(r reader) (map[string][]byte, error) {
		peers := make(map[string][]byte)
		err := r.table(prefixPeer, func(key, value []byte) error {
			d := newDecoder(value)
			peers[string(key[1:])] = slices.Clone(d.all())
			return d.done()
		})
		return peers, err
	})
}

// PutPeer writes an entry of the peer book. The book is not synced: a crash may take back what was
// written last.
func (s *Store) PutPeer(id string, value []byte) error {
	if len(id) == 0 || len(id) > MaxPeerID || len(value) > MaxPeerValue {
		return fmt.Errorf("peer id of %d bytes with %d bytes, at most %d and %d", len(id), len(value), MaxPeerID, MaxPeerValue)
	}
	return s.writePeer(func(w *write) { w.set(peerKey(id), append(newValue(len(value)), value...)) }, s.growable)
}

// RemovePeer deletes an entry of the peer book, if it is there.
func (s *Store) RemovePeer(id string) error {
	return s.writePeer(func(w *write) { w.delete(peerKey(id)) }, s.writable)
}

func (s *Store) writePeer(f func(*write), allowed func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := allowed(); err != nil {
		return fmt.Errorf("writing the peer book: %w", err)
	}
	w := s.newWrite(s.db.NewBatch(), reader{s.db})
	f(w)
	if err := s.finishUnsynced(w); err != nil {
		return fmt.Errorf("writing the peer book: %w", err)
	}
	return nil
}
