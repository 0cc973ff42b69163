package bootstrap_test

import (
	"errors"
	"reflect"
	"testing"

	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/bootstrap"
)

func TestMemoryBook(t *testing.T) {
	ctx := t.Context()
	var book bootstrap.MemoryBook
	if all, err := book.Peers(ctx); err != nil || len(all) != 0 {
		t.Fatalf("new book: %v, %v", all, err)
	}
	first, second := entryA(t), bootstrap.Entry{ID: mustID(t, idB)}
	for _, e := range []bootstrap.Entry{second, {ID: first.ID}, first} {
		if err := book.Put(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	bad := first
	bad.Addrs = []ma.Multiaddr{nil}
	if err := book.Put(ctx, bad); !errors.Is(err, bootstrap.ErrEntry) {
		t.Errorf("Put of a bad entry: %v, want ErrEntry", err)
	}
	for range 2 {
		if err := book.Remove(ctx, second.ID); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := book.Peers(ctx); err != nil || !reflect.DeepEqual(all, []bootstrap.Entry{first}) {
		t.Errorf("book holds %+v, %v, want %+v", all, err, first)
	}
}
