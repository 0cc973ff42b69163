package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

// maxDialErrors bounds how many addresses the text of a failed dial names.
const maxDialErrors = 3

// dial does one job and tells the plan how it went, unless it was cut short by the end of Run, which is
// nobody's failure.
func (b *Bootstrap) dial(run context.Context, j job) {
	ctx, cancel := context.WithTimeout(run, b.cfg.DialTimeout)
	defer cancel()
	var done func(p *plan, now time.Time)
	if j.seed == nil {
		err := connect(ctx, b.host, j.peer)
		if err != nil {
			b.log.Debug("peer not reached", "peer", j.peer.ID, "err", err)
		}
		done = func(p *plan, now time.Time) { p.peerDone(j.peer.ID, err, now) }
	} else {
		infos, connected, err := b.dialSeed(ctx, j.seed.seed)
		done = func(p *plan, now time.Time) { p.seedDone(j.seed, infos, connected, err, now) }
	}
	if run.Err() != nil {
		return
	}
	peers := b.sight()
	b.update(func(p *plan, now time.Time) {
		done(p, now)
		p.see(now, peers)
	})
}

// dialSeed finds out whom the seed stands for and connects to the first of these that answers.
func (b *Bootstrap) dialSeed(ctx context.Context, s Seed) (infos []peer.AddrInfo, connected peer.ID, err error) {
	infos, err = b.resolver.resolve(ctx, s)
	if err != nil {
		return nil, "", err
	}
	others := slices.DeleteFunc(slices.Clone(infos), func(i peer.AddrInfo) bool { return i.ID == b.host.ID() })
	if len(others) == 0 {
		return infos, "", errSelf
	}
	// In any order, so that one that never answers does not use up the time of every try.
	rand.Shuffle(len(others), func(i, k int) { others[i], others[k] = others[k], others[i] })
	for _, info := range others {
		if err = connect(ctx, b.host, info); err == nil {
			return infos, info.ID, nil
		}
	}
	return infos, "", err
}

// connect connects h to a peer unless it is connected already. Its error fits one line.
func connect(ctx context.Context, h host.Host, info peer.AddrInfo) error {
	// The swarm remembers addresses that failed and refuses to dial them for up to five minutes. The plan
	// has its own idea of when to try again.
	if s, ok := h.Network().(interface{ Backoff() *swarm.DialBackoff }); ok {
		s.Backoff().Clear(info.ID)
	}
	return clarify(h.Connect(ctx, info))
}

// A dialError is an error of libp2p with a text that fits one line and names the cause first.
type dialError struct {
	text string
	err  error
}

func (e *dialError) Error() string { return e.text }
func (e *dialError) Unwrap() error { return e.err }

// clarify gives an error of connecting a text for people.
func clarify(err error) error {
	if err == nil {
		return nil
	}
	if m, ok := errors.AsType[sec.ErrPeerIDMismatch](err); ok {
		return &dialError{fmt.Sprintf("wrong peer id: the node there is %v, not %v", m.Actual, m.Expected), err}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &dialError{"no answer in time", err}
	}
	if d, ok := errors.AsType[*swarm.DialError](err); ok && len(d.DialErrors) > 0 {
		return &dialError{addrErrors(d), err}
	}
	return &dialError{oneLine(err), err}
}

// addrErrors lists for some of the addresses why they could not be dialled.
func addrErrors(d *swarm.DialError) string {
	var parts []string
	for _, e := range d.DialErrors[:min(len(d.DialErrors), maxDialErrors)] {
		parts = append(parts, fmt.Sprintf("%v: %s", e.Address, oneLine(e.Cause)))
	}
	if more := len(d.DialErrors) - len(parts) + d.Skipped; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more addresses", more))
	}
	return strings.Join(parts, "; ")
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
