package bootstrap_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/bootstrap"
)

func mustID(t testing.TB, s string) peer.ID {
	t.Helper()
	id, err := peer.Decode(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func entryA(t testing.TB) bootstrap.Entry {
	return bootstrap.Entry{
		ID:        mustID(t, idA),
		Addrs:     []ma.Multiaddr{ma.StringCast("/ip4/192.0.2.7/tcp/4001"), ma.StringCast("/dns4/a.example/udp/1/quic-v1")},
		LastSeen:  time.UnixMilli(1700000000123).UTC(),
		LastTried: time.UnixMilli(1700000001456).UTC(),
		Failures:  7,
		Anchor:    true,
	}
}

// entryAHex holds the encoding still: books on disk are read by later versions.
const entryAHex = "01" + // version
	"26" + "002408011220dadbd184a2d526f1ebdd5c06fdad9359b228759b4d7f79d66689fa254aad8546" + // peer id
	"01" + // anchor
	"0000018bcfe5687b" + "0000018bcfe56db0" + "00000007" + // last seen, last tried, failures
	"02" + // addresses
	"0008" + "04c0000207060fa1" +
	"0011" + "3609612e6578616d706c6591020001cd03"

func TestEntryRoundTrip(t *testing.T) {
	for name, e := range map[string]bootstrap.Entry{
		"full":       entryA(t),
		"never seen": {ID: mustID(t, idB)},
	} {
		b, err := e.MarshalBinary()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got bootstrap.Entry
		if err := got.UnmarshalBinary(b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%s: decoded %+v, want %+v", name, got, e)
		}
		for n := range b {
			if err := got.UnmarshalBinary(b[:n]); !errors.Is(err, bootstrap.ErrEntry) {
				t.Errorf("%s: first %d of %d bytes: %v, want ErrEntry", name, n, len(b), err)
			}
		}
		if err := got.UnmarshalBinary(append(slices.Clone(b), 0)); !errors.Is(err, bootstrap.ErrEntry) {
			t.Errorf("%s: trailing byte: %v, want ErrEntry", name, err)
		}
		clear(b)
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%s: entry changed with the bytes it was decoded from, or by an error", name)
		}
	}
}

func TestEntryRefusesToMarshal(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*bootstrap.Entry)
	}{
		{"no id", func(e *bootstrap.Entry) { e.ID = "" }},
		{"long id", func(e *bootstrap.Entry) { e.ID = peer.ID(make([]byte, 65)) }},
		{"many addresses", func(e *bootstrap.Entry) { e.Addrs = slices.Repeat(e.Addrs[:1], 17) }},
		{"empty address", func(e *bootstrap.Entry) { e.Addrs = []ma.Multiaddr{nil} }},
		{"before 1970", func(e *bootstrap.Entry) { e.LastSeen = time.UnixMilli(-1) }},
		{"after 9999", func(e *bootstrap.Entry) { e.LastTried = time.UnixMilli(253402300800000) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := entryA(t)
			tt.edit(&e)
			if b, err := e.MarshalBinary(); !errors.Is(err, bootstrap.ErrEntry) {
				t.Errorf("MarshalBinary = %x, %v, want ErrEntry", b, err)
			}
		})
	}
}

func TestEntryEncoding(t *testing.T) {
	b, err := entryA(t).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(b); got != entryAHex {
		t.Errorf("encoding changed:\n got %s\nwant %s", got, entryAHex)
	}
}

func FuzzEntry(f *testing.F) {
	full, err := entryA(f).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	bare, err := bootstrap.Entry{ID: mustID(f, idB)}.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add(bare)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e bootstrap.Entry
		if err := e.UnmarshalBinary(b); err != nil {
			if !errors.Is(err, bootstrap.ErrEntry) || e.ID != "" {
				t.Errorf("error %v left %+v", err, e)
			}
			return
		}
		again, err := e.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("decoded %x, encoded again %x, %v", b, again, err)
		}
	})
}
