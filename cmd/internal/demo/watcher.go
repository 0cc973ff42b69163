package demo

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
)

const (
	// lookEvery is how often the nodes are asked where nothing happens, lookGap the least time between two
	// rounds where much does.
	lookEvery = 2 * time.Second
	lookGap   = 150 * time.Millisecond
	// askPatience is how long a node may take to answer all that is asked in a round.
	askPatience = 3 * time.Second
	// tieAgain is when to connect two nodes again after a try.
	tieAgain = 3 * time.Second
	// blockWindow is how many heights the page shows.
	blockWindow = 16
)

// A watcher pulls what all nodes say of themselves, ties those together that are to be, and puts all of it on
// the board. Its fields belong to run.
type watcher struct {
	members []*member
	cut     *cut
	power   *power
	stream  *stream
	board   *board
	poked   chan struct{} // of capacity 1
	log     *slog.Logger
	network string

	seen   []Member // as they were seen last, by number less one
	works  []core.Work
	blocks map[core.Hash]Block
	tried  map[[2]int]time.Time // when two members were connected last
}

// begin puts on the board what is known before any node runs.
func (w *watcher) begin() {
	w.seen, w.works = make([]Member, len(w.members)), make([]core.Work, len(w.members))
	w.blocks, w.tried = make(map[core.Hash]Block), make(map[[2]int]time.Time)
	w.show(make([]answer, len(w.members)))
}

// run watches until ctx ends.
func (w *watcher) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		w.round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookGap):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.poked:
		case <-tick.C:
		}
	}
}

// round looks at all nodes once.
func (w *watcher) round(ctx context.Context) {
	answers := make([]answer, len(w.members))
	var asking sync.WaitGroup
	for i, m := range w.members {
		if c := m.api(); c != nil {
			asking.Go(func() { answers[i] = ask(ctx, c, w.seen[i].Tip) })
		}
	}
	asking.Wait()
	w.show(answers)
	w.tie(ctx)
}

// show puts what the nodes said on the board.
func (w *watcher) show(answers []answer) {
	for i, m := range w.members {
		m.describe(&w.seen[i])
		w.note(i, answers[i])
	}
	if err := w.board.put(w.state()); err != nil {
		w.log.Error("the state of the demo has no form", "err", err)
	}
}

// An answer is what a node said of itself; ok is false where it said nothing.
type answer struct {
	ok     bool
	node   api.Node
	peers  []api.Peer
	blocks []api.Block // empty where the tip is the same as before
	reorgs []api.Reorg
}

// ask asks a node for all that the page shows of it.
func ask(ctx context.Context, c *client.Client, tip core.Hash) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	var err error
	if a.node, err = c.Node(ctx); err != nil {
		return answer{}
	}
	if a.peers, err = c.Peers(ctx); err != nil {
		return answer{}
	}
	if a.node.Tip.Hash != tip {
		page, err := c.Blocks(ctx, "", blockWindow)
		if err != nil {
			return answer{}
		}
		reorgs, err := c.Reorgs(ctx, "", 1)
		if err != nil {
			return answer{}
		}
		a.blocks, a.reorgs = page.Blocks, reorgs.Reorgs
	}
	a.ok = true
	return a
}

// note keeps what a node said.
func (w *watcher) note(i int, a answer) {
	s := &w.seen[i]
	s.Side = w.cut.side(s.Number)
	if !a.ok {
		s.Peers, s.HashRate = []int{}, 0
		return
	}
	w.cut.know(a.node.PeerID, s.Number)
	s.Tip, s.Height, w.works[i] = a.node.Tip.Hash, a.node.Tip.Height, a.node.Tip.Work
	s.Waiting, s.Sealed, s.HashRate = int(a.node.Mempool.Count), a.node.Mining.Sealed, 0
	if a.node.Mining.Working {
		s.HashRate = rounded(a.node.Mining.HashRate)
	}
	s.Peers = []int{}
	for _, p := range a.peers {
		if number := w.cut.number(p.ID); number > 0 {
			s.Peers = append(s.Peers, number)
		}
	}
	slices.Sort(s.Peers)
	for _, b := range a.blocks {
		w.blocks[b.Hash] = Block{Hash: b.Hash, Previous: b.PreviousHash, Height: b.Height, Messages: b.MessageCount}
	}
	for _, r := range a.reorgs {
		s.Reorg = &Reorg{Reverted: r.Reverted, Applied: r.Applied, Returned: *cmp.Or(r.Returned, new(int))}
	}
}

// rounded returns a number in three digits: the page shows no more.
func rounded(x float64) float64 {
	if x <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-2)
	return math.Round(x/unit) * unit
}

// tie connects and disconnects members such that all are connected that the cut does not part. They would
// find each other by themselves, after a while that nobody wants to wait for; and a gate ends no connection.
func (w *watcher) tie(ctx context.Context) {
	var tying sync.WaitGroup
	defer tying.Wait()
	for i, a := range w.members {
		for j, b := range w.members[:i] {
			ca := a.api()
			id, addr := b.contact()
			pair := [2]int{j, i}
			tied := slices.Contains(w.seen[i].Peers, b.number)
			parted := w.cut.parts(a.number, b.number)
			switch {
			case parted:
				delete(w.tried, pair) // so that it is healed at once
				if tied && ca != nil {
					tying.Go(func() { w.untie(ctx, ca, id) })
				}
			case !tied && ca != nil && addr != "" && time.Since(w.tried[pair]) > tieAgain:
				w.tried[pair] = time.Now()
				tying.Go(func() { w.connect(ctx, ca, addr) })
			}
		}
	}
}

func (w *watcher) untie(ctx context.Context, c *client.Client, id string) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	if err := c.Disconnect(ctx, id); err != nil {
		w.log.Debug("disconnecting", "peer", id, "err", err)
	}
	poke(w.poked)
}

func (w *watcher) connect(ctx context.Context, c *client.Client, addr string) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	if _, err := c.Connect(ctx, addr); err != nil {
		w.log.Debug("connecting", "peer", addr, "err", err)
	}
	poke(w.poked)
}

// state returns what the page shows.
func (w *watcher) state() State {
	s := State{
		Network: w.network, Cut: w.cut.isMade(), Boss: w.power.get(), PerSecond: int(w.stream.perSecond.Load()),
		Members: slices.Clone(w.seen), Blocks: []Block{},
	}
	tips, total := make(map[core.Hash]bool), 0.0
	for _, m := range s.Members {
		if m.URL != "" && m.Tip != (core.Hash{}) {
			tips[m.Tip] = true
		}
		total += m.HashRate
	}
	s.Tips = len(tips)
	for i := range s.Members {
		if m := &s.Members[i]; total > 0 {
			m.Share = int(math.Round(100 * m.HashRate / total))
		} else {
			m.Share = 0
		}
	}
	s.Blocks = w.latest()
	return s
}

// latest returns the blocks that are shown, and forgets those that are not any more.
func (w *watcher) latest() []Block {
	var top uint64
	for _, b := range w.blocks {
		top = max(top, b.Height)
	}
	list := []Block{}
	for hash, b := range w.blocks {
		if b.Height+blockWindow <= top {
			delete(w.blocks, hash)
			continue
		}
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b Block) int {
		return cmp.Or(cmp.Compare(a.Height, b.Height), a.Hash.Compare(b.Hash))
	})
	next, most := core.Hash{}, core.Work{}
	for i, work := range w.works {
		if work.Cmp(most) > 0 {
			next, most = w.seen[i].Tip, work
		}
	}
	for i := range slices.Backward(list) {
		if b := &list[i]; b.Hash == next {
			b.Best, next = true, b.Previous
		}
	}
	return list
}
