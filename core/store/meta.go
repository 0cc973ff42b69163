package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	magic = "p2pchain"
	// schema is the number of the key table. A change of the table that older programs would
	// misread raises it, and brings a migration.
	schema = 2
)

// A meta says what a store is. Its value starts with version, magic and schema in every schema.
type meta struct {
	genesis   core.Hash
	network   string // as core.Network.String says it
	createdBy string
}

func (m meta) encode() []byte {
	b := append(newValue(64), magic...)
	b = binary.BigEndian.AppendUint32(b, schema)
	b = append(b, m.genesis[:]...)
	for _, text := range []string{m.network, m.createdBy} {
		b = append(append(b, byte(len(text))), text...)
	}
	return b
}

func decodeMeta(value []byte) (meta, error) {
	d := newDecoder(value)
	if string(d.take(len(magic))) != magic {
		return meta{}, ErrNotStore
	}
	n := d.u32()
	if n < schema && !d.bad {
		return meta{}, fmt.Errorf("it has schema %d, this program knows %d: %w", n, schema, ErrOlderSchema)
	}
	if n > schema && !d.bad {
		return meta{}, fmt.Errorf("it has schema %d, this program knows %d: %w", n, schema, ErrNewerSchema)
	}
	m := meta{d.hash(), d.text(), d.text()}
	return m, d.done()
}

// identify reads what the store is, or makes one of a new database.
func (s *Store) identify(isNew bool) error {
	r := reader{s.db}
	m, err := get(r, []byte{prefixMeta}, decodeMeta)
	if errors.Is(err, chain.ErrNotFound) {
		return s.create(r, isNew)
	}
	if err != nil {
		return err
	}
	if m.genesis != s.network.Genesis {
		return fmt.Errorf("it holds %s, not %s: %w", m.network, s.network, ErrOtherNetwork)
	}
	s.meta = m
	return nil
}

// create writes the genesis block into an empty database, which must be new: one that had files with
// entries in them is not empty, whatever Pebble found.
func (s *Store) create(r reader, isNew bool) error {
	empty := true
	err := r.scan(nil, nil, func([]byte, []byte) error {
		empty = false
		return errStop
	})
	if err != nil {
		return err
	}
	if !empty {
		return fmt.Errorf("a database of another program: %w", ErrNotStore)
	}
	if !isNew {
		return damage("nothing is found in the files of the database")
	}
	n := s.network
	s.meta = meta{n.Genesis, n.String(), s.opts.CreatedBy}
	w := s.newWrite(s.db.NewBatch(), r)
	w.set([]byte{prefixMeta}, s.meta.encode())
	w.set([]byte{prefixTip}, tip{n.Genesis, 0}.encode())
	w.set([]byte{prefixSequence}, encodeNumber(1))
	w.set(hashKey(prefixEntry, n.Genesis), encodeEntry(chain.Entry{Header: n.Header}))
	w.set(blockKey(prefixLeaves, 0, n.Genesis), encodeLeaves(nil))
	w.set(numberKey(prefixHeight, 0), encodeHash(n.Genesis))
	w.set([]byte{prefixDigest}, newValue(0))
	w.set([]byte{prefixForgotten}, forgotten{}.encode())
	if w.err != nil {
		return w.err
	}
	t, err := s.apply(w.batch)
	if err != nil {
		return err
	}
	return s.wait(t)
}
