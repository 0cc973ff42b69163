package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	mostTips      = 1000 // off the best chain
	mostCondemned = 100  // of the tips, those that broke a rule
	readCondemned = 4096 // entries of condemned blocks that are looked at
)

// getTips lists the ends of all branches that are known, and which peers stand on them.
func (s *Server) getTips(w *response, _ *http.Request) error {
	tip := s.deps.Chain.Tip()
	list := TipList{Tips: []Tip{{TipInfo: infoOf(tip.Hash, &tip.Header), Status: TipBest}}}
	forks := s.deps.Branches.Forks()
	if len(forks) > mostTips {
		forks, list.More = forks[:mostTips], true
	}
	for _, f := range forks {
		t := Tip{TipInfo: infoOf(f.Tip, &f.Header), Status: TipHeaders, Length: f.Length}
		t.Fork = &BlockName{f.Fork, f.Header.Height - uint64(f.Length)}
		if f.Stored {
			t.Status = TipSide
		}
		list.Tips = append(list.Tips, t)
	}
	if err := s.addCondemned(&list); err != nil {
		return err
	}
	s.addPeers(&list)
	return writeJSON(w, http.StatusOK, list)
}

func infoOf(hash core.Hash, h *core.Header) TipInfo {
	return TipInfo{Hash: hash, Height: h.Height, Time: Time(h.TimeMS), Work: h.Work}
}

// addCondemned adds the condemned blocks on which no other condemned one builds.
func (s *Server) addCondemned(list *TipList) error {
	entries, err := s.deps.Archive.Condemned(readCondemned)
	if err != nil {
		return err
	}
	known, inner := make(map[core.Hash]*chain.Entry, len(entries)), make(map[core.Hash]bool, len(entries))
	for i := range entries {
		known[entries[i].Hash] = &entries[i]
		inner[entries[i].Header.PreviousHash] = true
	}
	ends := slices.DeleteFunc(slices.Clone(entries), func(e chain.Entry) bool { return inner[e.Hash] })
	slices.SortFunc(ends, func(a, b chain.Entry) int {
		return cmp.Or(cmp.Compare(b.SeenMS, a.SeenMS), a.Hash.Compare(b.Hash))
	})
	list.More = list.More || len(entries) == readCondemned || len(ends) > mostCondemned
	for _, e := range ends[:min(len(ends), mostCondemned)] {
		t := Tip{TipInfo: infoOf(e.Hash, &e.Header), Status: TipCondemned, Reason: e.Condemned}
		root := &e
		for t.Length = 1; known[root.Header.PreviousHash] != nil; t.Length++ {
			root = known[root.Header.PreviousHash]
		}
		fork, err := s.forkOf(root.Header.PreviousHash)
		if err == nil {
			t.Fork, t.Length = &fork, int(e.Header.Height-fork.Height)
		} else if !errors.Is(err, chain.ErrNotFound) { // what it builds on was forgotten
			return err
		}
		list.Tips = append(list.Tips, t)
	}
	return nil
}

// addPeers puts every peer at the tip of the branch that it stands on.
func (s *Server) addPeers(list *TipList) {
	list.Elsewhere = []string{}
	at := make(map[core.Hash]*Tip, len(list.Tips))
	for i := range list.Tips {
		list.Tips[i].Peers = []string{}
		at[list.Tips[i].Hash] = &list.Tips[i]
	}
	peers := s.deps.Host.Peers()
	slices.SortFunc(peers, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	blocks := make([]core.Hash, len(peers))
	for i := range peers {
		blocks[i] = peers[i].Tip
	}
	ends := s.deps.Branches.BranchesOf(blocks...)
	for i, p := range peers {
		t := at[ends[i]]
		if t == nil { // also at the very block that was condemned, or at one that came a moment ago
			t = at[p.Tip]
		}
		if t == nil {
			list.Elsewhere = append(list.Elsewhere, p.ID)
			continue
		}
		t.Peers = append(t.Peers, p.ID)
	}
}
