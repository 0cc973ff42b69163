package proof

import (
	"crypto/sha256"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// compose makes a proof by the definition of its paths: of the message in the block at a height, with the
// block at another as seen (none below 0), and the last one as tip. It believes no header.
func (w *world) compose(m *core.Message, at, seen, last int) *Proof {
	w.t.Helper()
	leaves, err := w.Leaves(w.hashes[at])
	if err != nil {
		w.t.Fatal(err)
	}
	p := &Proof{Params: w.n.Params, Message: m, Block: w.blocks[at].Header}
	hashes := make([]core.Hash, len(leaves))
	for i, l := range leaves {
		if b := l.Bytes(); l.ID == m.ID {
			p.Position, hashes[i] = i, core.LeafHash(b[:])
		} else {
			hashes[i] = core.LeafHash(b[:])
		}
	}
	p.Path = plainPath(p.Position, hashes)
	if seen >= 0 {
		p.Seen = &Step{w.blocks[seen].Header, w.history(seen, at)}
	}
	if last > at {
		p.Next = &Step{Header: w.blocks[at+1].Header}
	}
	if last > at+1 {
		p.Tip, p.Next.Path = &w.blocks[last].Header, w.history(at+1, last)
	}
	return p
}

// history is the path of a block in the tree over the first size blocks.
func (w *world) history(index, size int) []core.Hash {
	hashes := make([]core.Hash, size)
	for i := range hashes {
		hashes[i] = core.LeafHash(w.hashes[i][:])
	}
	return plainPath(index, hashes)
}

// plainPath is PATH(m, D[n]) of RFC 6962 section 2.1.1, word by word.
func plainPath(m int, d []core.Hash) []core.Hash {
	if len(d) <= 1 {
		return nil
	}
	k := 1
	for 2*k < len(d) {
		k *= 2
	}
	if m < k {
		return append(plainPath(m, d[:k]), plainRoot(d[k:]))
	}
	return append(plainPath(m-k, d[k:]), plainRoot(d[:k]))
}

func plainRoot(d []core.Hash) core.Hash {
	if len(d) == 1 {
		return d[0]
	}
	k := 1
	for 2*k < len(d) {
		k *= 2
	}
	return nodeHash(plainRoot(d[:k]), plainRoot(d[k:]))
}

// A scene is the chain that most examples are of: a message in block 5, between two others, whose author
// had seen block 2; the last block is 9.
type scene struct {
	*world
	m *core.Message
}

const (
	seenAt = 2
	at     = 5
	lastAt = 9
)

type sceneOption func(*sceneOptions)

type sceneOptions struct {
	params  []func(*core.Params)
	builtin string
	text    string
	message func(*core.Message)
	signed  func(*core.Network, *core.Message)
	edits   map[uint64]edit
	seen    int // what the author saw; below 0: a hash of nothing
	blocks  int
	alone   bool // no other messages in the block
}

func newScene(t testing.TB, options ...sceneOption) *scene {
	t.Helper()
	o := sceneOptions{builtin: "test", text: "The door was locked at nine.", seen: seenAt, blocks: lastAt, message: func(*core.Message) {}}
	for _, option := range options {
		option(&o)
	}
	s := &scene{world: newWorld(t, coretest.Builtin(t, o.builtin, o.params...))}
	s.edits = o.edits
	s.grow(at - 1)
	s.m = coretest.MessageWith(t, s.n, coretest.Key(1), o.text, func(m *core.Message) {
		m.TimeMS = s.n.Params.GenesisTimeMS + 12345
		m.Seen = sha256.Sum256([]byte("a block of nobody"))
		if o.seen >= 0 {
			m.Seen = s.hashes[o.seen]
		}
		o.message(m)
	})
	if o.signed != nil {
		o.signed(s.n, s.m)
	}
	if s.n.Params.MaxBlockMessages == 1 || o.alone {
		s.next(s.m)
	} else {
		s.next(coretest.Message(t, s.n, coretest.Key(1), "before"), s.m, coretest.Message(t, s.n, coretest.Key(1), "after"))
	}
	s.grow(o.blocks - at)
	return s
}

// proof is the one that a node would make.
func (s *scene) proof() *Proof { return s.prove(s.m) }

func withParams(edit func(*core.Params)) sceneOption {
	return func(o *sceneOptions) { o.params = append(o.params, edit) }
}

func withText(text string) sceneOption { return func(o *sceneOptions) { o.text = text } }

func withMessage(edit func(*core.Message)) sceneOption {
	return func(o *sceneOptions) { o.message = edit }
}

// withSigned edits the message after it was stamped and signed.
func withSigned(edit func(*core.Network, *core.Message)) sceneOption {
	return func(o *sceneOptions) { o.signed = edit }
}

func withSeen(height int) sceneOption { return func(o *sceneOptions) { o.seen = height } }

func withBlocks(count int) sceneOption { return func(o *sceneOptions) { o.blocks = count } }

// withHeader edits a block's header before it is mined.
func withHeader(height uint64, before func(*core.Header)) sceneOption {
	return func(o *sceneOptions) { o.add(height, edit{before: before}) }
}

// withSealed edits a block's header after it was mined.
func withSealed(height uint64, last func(*core.Header)) sceneOption {
	return func(o *sceneOptions) { o.add(height, edit{last: last}) }
}

func (o *sceneOptions) add(height uint64, e edit) {
	if o.edits == nil {
		o.edits = make(map[uint64]edit)
	}
	old := o.edits[height]
	if e.before == nil {
		e.before = old.before
	}
	if e.last == nil {
		e.last = old.last
	}
	o.edits[height] = e
}

func isClassic(o *sceneOptions) {
	o.builtin = "classic"
	o.params = append(o.params, func(p *core.Params) { p.Name, p.Difficulty = "classic-2", 2 })
}

func isFixed(p *core.Params) { p.Name, p.BlockIntervalMS = "fixed", 0 }

// A good example is a proof that holds.
type good struct {
	name string
	make func(t testing.TB) *Proof
}

func goods() []good {
	of := func(options ...sceneOption) func(testing.TB) *Proof {
		return func(t testing.TB) *Proof { return newScene(t, options...).proof() }
	}
	return []good{
		{"plain", of()},
		{"tip-only", of(withBlocks(at))},
		{"next-is-last", of(withBlocks(at + 1))},
		{"tip-after-next", of(withBlocks(at + 2))},
		{"far-tip", of(withBlocks(100))},
		{"no-seen", of(withSeen(-1))},
		{"seen-genesis", of(withSeen(0))},
		{"seen-parent", of(withSeen(at - 1))},
		{"seen-left-out", func(t testing.TB) *Proof { p := newScene(t).proof(); p.Seen = nil; return p }},
		{"height-1", heightOne},
		{"erased-body", func(t testing.TB) *Proof { return newScene(t).proof().WithoutBody() }},
		{"empty-payload", of(withText(""))},
		{"binary-payload", of(withText(string(everyByte())), withMessage(func(m *core.Message) { m.MediaType = "application/octet-stream" }))},
		{"payload-16384", of(withText(strings.Repeat("0123456789abcdef", 1024)))},
		{"base64-1", of(withText("\xff"))},
		{"base64-2", of(withText("\xff\xfe"))},
		{"media-type-64", of(withMessage(func(m *core.Message) { m.MediaType = strings.Repeat(`"\<~ >&'`, 8) }))},
		{"custom-network", of(withParams(func(p *core.Params) {
			p.Name, p.Text, p.Difficulty, p.BlockIntervalMS = "lab7", "Our own } rules { here [ ] : , !", 2, 500
			p.MaxPayloadBytes, p.MaxBlockMessages, p.MaxBlockBytes = 61440, 7, 65536
		}))},
		{"stamp", of(withParams(func(p *core.Params) { p.Name, p.StampBits = "stamped", 10 }))},
		{"authors", of(withParams(authors(0, 1, 2)))},
		{"one-author", of(withParams(authors(1)))},
		{"fixed-difficulty", of(withParams(isFixed))},
		{"classic", of(isClassic)},
		{"classic-next-is-last", of(isClassic, withBlocks(at+1))},
		{"block-of-1", of(func(o *sceneOptions) { o.alone = true })},
		{"block-of-32768", func(t testing.TB) *Proof { return large(t, 12345, 32768) }},
		{"block-of-32768-last", func(t testing.TB) *Proof { return large(t, 32767, 32768) }},
		{"block-of-32767-last", func(t testing.TB) *Proof { return large(t, 32766, 32767) }},
		{"harder", harder},
		{"mined", mined},
		{"edge-nonce", of(withHeader(at, largestNonce))},
		{"edge-time", of(withHeader(lastAt, func(h *core.Header) { h.TimeMS = core.MaxTimeMS }))},
		{"edge-message-time", of(withMessage(func(m *core.Message) { m.TimeMS = core.MaxTimeMS }))},
		{"edge-busy", of(withHeader(at, func(h *core.Header) { h.TimeMS, h.BusyMS = h.TimeMS+600, 800 }))},
		{"edge-fast", fast},
		{"edge-small-network", of(withParams(func(p *core.Params) {
			p.Name, p.Text, p.GenesisTimeMS, p.BlockIntervalMS = "a", "", 0, 100
			p.MaxPayloadBytes, p.MaxBlockMessages, p.MaxBlockBytes = 28, 1, 65536
		}))},
		{"edge-large-network", of(withParams(func(p *core.Params) {
			p.Name, p.BlockIntervalMS, p.StampBits = strings.Repeat("z-09", 8), 3600000, 4
			p.Text = "  !#$%'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~" + strings.Repeat("}", 109)
			p.MaxPayloadBytes, p.MaxBlockMessages, p.MaxBlockBytes = core.MaxPayload, 32768, 33554432
		}))},
		{"edge-authors", of(withParams(func(p *core.Params) {
			keys := make([]int, 1024)
			for i := range keys {
				keys[i] = i
			}
			authors(keys...)(p)
		}))},
		{"borrowed-name", of(func(o *sceneOptions) { o.builtin = "main" }, withParams(func(p *core.Params) { p.Difficulty = 1 }))},
		{"mixed-order-key", mixedOrderKey},
		{"small-order-r", smallOrderR},
	}
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// authors lets only these keys write.
func authors(keys ...int) func(*core.Params) {
	return func(p *core.Params) {
		p.Name = "members"
		for _, k := range keys {
			p.Authors = append(p.Authors, coretest.Author(k))
		}
		sortKeys(p.Authors)
	}
}

func heightOne(t testing.TB) *Proof {
	w := newWorld(t, coretest.Network(t))
	m := coretest.Message(t, w.n, coretest.Key(2), "first")
	w.next(m)
	w.grow(3)
	return w.prove(m)
}

func large(t testing.TB, position, count int) *Proof {
	w := newWorld(t, coretest.Network(t))
	w.grow(1)
	m := coretest.Message(t, w.n, coretest.Key(2), "one of many")
	w.nextLarge(m, position, count)
	w.grow(2)
	return w.prove(m)
}

// harder has blocks that took their miner no time, so that the target falls.
func harder(t testing.TB) *Proof {
	options := []sceneOption{withBlocks(20)}
	for height := uint64(1); height <= 20; height++ {
		options = append(options, withHeader(height, func(h *core.Header) { h.BusyMS = uint32(1 + height%7) }))
	}
	return newScene(t, options...).proof()
}

// largestNonce gives a header the largest nonce that there may be, and a busy time with which that one is
// proof of work.
func largestNonce(h *core.Header) {
	target, err := h.Bits.Target()
	if err != nil {
		panic(err)
	}
	for h.Nonce = 1<<53 - 1; !target.MetBy(h.Hash()); h.BusyMS-- {
	}
}

// fast has blocks with the least time between them.
func fast(t testing.TB) *Proof {
	var options []sceneOption
	for height := uint64(1); height <= lastAt; height++ {
		options = append(options, withHeader(height, func(h *core.Header) { h.TimeMS, h.BusyMS = h.TimeMS-199, 1 }))
	}
	return newScene(t, options...).proof()
}

// mined is of a network whose proof of work no random change meets.
func mined(t testing.TB) *Proof {
	// Where the search for the nonces of blocks 1 to 8 starts: they were found once.
	nonces := []uint64{13034480, 6253215, 8972757, 3312143, 19059263, 11412963, 9523446, 7230160}
	options := []sceneOption{withBlocks(len(nonces)), withParams(func(p *core.Params) { p.Name, p.Difficulty, p.BlockIntervalMS = "mined", 6, 5000 })}
	for i, nonce := range nonces {
		options = append(options, withHeader(uint64(i+1), func(h *core.Header) { h.Nonce = nonce }))
	}
	s := newScene(t, options...)
	for i, b := range s.blocks[1:] {
		if b.Header.Nonce != nonces[i] {
			t.Logf("block %d was mined anew: its nonce is %d", i+1, b.Header.Nonce)
		}
	}
	return s.proof()
}
