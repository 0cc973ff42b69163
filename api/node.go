package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// getNode describes the node.
func (s *Server) getNode(w *response, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, s.node())
}

func (s *Server) node() Node {
	last := s.hub.log.last() // before anything that events tell of
	n, now := s.deps.Network, s.cfg.Now()
	said := s.deps.Host.Sync() // before the tip, which it is brought up to
	tip, best := tipInfo(s.deps.Chain.Tip()), tipInfo(s.deps.Chain.BestHeader())
	out := Node{
		PeerID:        s.deps.Host.ID(),
		Addresses:     append([]string{}, s.deps.Host.Addrs()...), // never null
		Author:        s.deps.author(),
		Version:       s.cfg.Version,
		Network:       NetworkInfo{n.Params.Name, n.ID(), n.Genesis, n.Params.Encode()},
		Tip:           tip,
		BestHeader:    best,
		Sync:          syncAt(said, tip.Height, best.Height),
		Mempool:       s.waiting(),
		Mining:        s.deps.Miner.Status(),
		Links:         s.links(),
		Forgetting:    s.forgetting(),
		Started:       Time(max(0, s.started.UnixMilli())),
		UptimeSeconds: int64(now.Sub(s.started).Seconds()),
		LastEvent:     last,
	}
	out.Peers = out.Links.Inbound + out.Links.Outbound
	out.ClockSkewMS = s.skew()
	return out
}

// skew returns our clock minus that of the peers in milliseconds, nil where it is not known.
func (s *Server) skew() *int64 {
	if s.deps.ClockSkew == nil {
		return nil
	}
	skew, ok := s.deps.ClockSkew()
	if !ok {
		return nil
	}
	ms := skew.Milliseconds()
	return &ms
}

// forgetting says what was forgotten.
func (s *Server) forgetting() Forgetting {
	if s.deps.Forgetting == nil {
		return Forgetting{Pruning: PruningOff}
	}
	return s.deps.Forgetting()
}

// syncAt brings what the syncer said last to the heights of now, so that an answer has one height and
// a state that fits it: a syncer speaks up only after it has done something.
func syncAt(s Sync, tip, best uint64) Sync {
	s.Height, s.BestHeader = tip, best
	switch s.State {
	case SyncAlone, SyncSynced: // nobody claims more
		s.Target = best
	default:
		s.Target = max(s.Target, best)
	}
	switch {
	case s.State == SyncSynced && s.Target > tip:
		s.State = SyncBlocks
	case s.State == SyncBlocks && s.Target <= tip:
		s.State = SyncSynced
	}
	s.Estimate()
	return s
}

// links counts the peers by who called whom.
func (s *Server) links() Links {
	l := s.deps.Host.Links()
	for _, p := range s.deps.Host.Peers() {
		if p.Direction == DirectionInbound {
			l.Inbound++
		} else {
			l.Outbound++
		}
	}
	return l
}

func tipInfo(t chain.Tip) TipInfo {
	return TipInfo{t.Hash, t.Header.Height, Time(t.Header.TimeMS), t.Header.Work}
}

// getInvite returns what others join with.
func (s *Server) getInvite(w *response, _ *http.Request) error {
	invite, err := s.deps.Invite()
	if err != nil {
		return busy("no_address", err.Error())
	}
	return writeJSON(w, http.StatusOK, invite)
}

// getPeers lists the peers.
func (s *Server) getPeers(w *response, _ *http.Request) error {
	peers := append([]Peer{}, s.deps.Host.Peers()...) // never null
	slices.SortFunc(peers, func(a, b Peer) int { return strings.Compare(a.ID, b.ID) })
	return writeJSON(w, http.StatusOK, PeerList{len(peers), peers})
}

// healthDepth is how many blocks chainValid looks at. What is below was validated when it was stored;
// to find what the disk did to it since then is the work of a check of the store.
const healthDepth = 100

// health remembers which tip chainValid found right, since the seed's users poll it.
type health struct {
	mu  sync.Mutex
	tip core.Hash
}

// chainValid reports whether the end of the best chain holds together on disk.
func (s *Server) chainValid() bool {
	s.healthy.mu.Lock()
	defer s.healthy.mu.Unlock()
	tip := s.deps.Chain.Tip()
	if s.healthy.tip == tip.Hash {
		return true
	}
	if err := s.checkChain(tip); err != nil {
		s.cfg.Log.Error("stored chain is not valid", "err", err)
		return false
	}
	s.healthy.tip = tip.Hash
	return true
}

// checkChain follows the headers down from a tip, and checks the messages of the tip itself.
func (s *Server) checkChain(tip chain.Tip) error {
	b, err := s.deps.Chain.Block(tip.Hash)
	if err != nil {
		return fmt.Errorf("block %v: %w", tip.Hash, err)
	}
	if tip.Header.Height > 0 && core.MessageRoot(b.Leaves()) != b.Header.MessageRoot {
		return fmt.Errorf("block %v: %w", tip.Hash, consensus.ErrMessageRoot)
	}
	hash, h := tip.Hash, b.Header
	for range healthDepth {
		if h.Hash() != hash {
			return fmt.Errorf("block %v has another header", hash)
		}
		if h.Height == 0 {
			return nil
		}
		parent, err := s.deps.Chain.Header(h.PreviousHash)
		if err != nil {
			return fmt.Errorf("block %v: %w", h.PreviousHash, err)
		}
		if parent.Height+1 != h.Height {
			return fmt.Errorf("block %v: %w", hash, consensus.ErrHeight)
		}
		if err := consensus.CheckPow(s.deps.Network, &parent, &h); err != nil {
			return fmt.Errorf("block %v: %w", hash, err)
		}
		hash, h = h.PreviousHash, parent
	}
	return nil
}
