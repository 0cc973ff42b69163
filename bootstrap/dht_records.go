package bootstrap

import (
	"context"
	"encoding/base32"
	"errors"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p-kad-dht/records"
)

var errOtherRecord = errors.New("not an announcement of this network")

// announcements are the records that a server of the DHT keeps, in memory: those under one key. libp2p's
// own store takes any key, so whoever can connect could fill our memory with records that nobody searches.
// Here a peer has one.
type announcements struct {
	datastore.Batching
	prefix string // of the record keys that are kept
}

func newAnnouncements(key cid.Cid) announcements {
	return announcements{
		dssync.MutexWrap(datastore.NewMapDatastore()),
		records.ProvidersKeyPrefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key.Hash()) + "/",
	}
}

// Put implements datastore.Write.
func (a announcements) Put(ctx context.Context, key datastore.Key, value []byte) error {
	if !strings.HasPrefix(key.String(), a.prefix) {
		return errOtherRecord
	}
	return a.Batching.Put(ctx, key, value)
}
