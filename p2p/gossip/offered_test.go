package gossip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
)

// A mire is an Exchange with peers that offer and do not give: some stall, some are just too slow.
type mire struct {
	*shelf
	stalls, drips []peer.ID
}

func (m mire) Messages(ctx context.Context, p peer.ID, ids []core.Hash) ([]*core.Message, error) {
	frame, why := time.Hour, error(nil)
	switch {
	case slices.Contains(m.stalls, p):
		frame, why = 12*time.Second, exchange.ErrStalled
	case !slices.Contains(m.drips, p):
		return m.shelf.Messages(ctx, p, ids)
	}
	if !sleep(ctx, frame) {
		why = ctx.Err()
	}
	return nil, fmt.Errorf("%w: %w", exchange.ErrTransport, why)
}

// One peer has one turn, and who stalls, or is too slow, does not keep the others from theirs again and
// again.
func TestOffersThatDoNotCome(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 4)
	ids := idsOf(msgs)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		m := mire{&shelf{msgs: msgs}, []peer.ID{"stalls 1", "stalls 2"}, []peer.ID{"drips 1", "drips 2"}}
		r := newReconciler(d.pool, m, d, d.unspread, d.cfg)
		var offering sync.WaitGroup
		for _, p := range append(slices.Clone(m.stalls), m.drips...) {
			r.peerUp(p)
			offering.Go(func() { r.offered(t.Context(), p, ids[:1]) })
			synctest.Wait()
			if _, err := r.offered(t.Context(), p, ids[1:2]); !errors.Is(err, errOffers) {
				t.Errorf("a second offer of %s: %v", string(p), err)
			}
		}
		offering.Wait()
		if !slices.Equal(slices.Sorted(slices.Values(d.punished)), m.stalls) {
			t.Errorf("punished %v, want those that stalled", d.punished)
		}
		r.peerUp("honest")
		begin := time.Now()
		for _, p := range append(slices.Clone(m.stalls), m.drips...) {
			if _, err := r.offered(t.Context(), p, ids[:1]); !errors.Is(err, errOffers) {
				t.Errorf("%s has a turn again: %v", string(p), err)
			}
		}
		if taken, err := r.offered(t.Context(), "honest", ids); taken != 4 || err != nil || time.Since(begin) > 0 {
			t.Errorf("%d messages of an honest peer taken after %v, %v", taken, time.Since(begin), err)
		}
		if taken, err := r.offered(t.Context(), "honest", ids); taken != 0 || err != nil {
			t.Errorf("its next offer: %d taken, %v", taken, err)
		}
		time.Sleep(offerRest)
		m.drips[0] = "" // its line is better now
		if _, err := r.offered(t.Context(), "drips 1", ids); err != nil || len(r.turns.rests) > 0 || len(r.turns.taking) > 0 {
			t.Errorf("an offer after the rest: %v; %d rests", err, len(r.turns.rests))
		}
	})
}
