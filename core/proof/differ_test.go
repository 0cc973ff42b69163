package proof

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest/random"
)

var differFlag = flag.Int("differ", 80, "how many random forgeries the verifiers are compared on")

// A forger makes proofs up from good ones: it changes parts at random and then mends most of what no
// longer fits, down to signatures and proofs of work, so that every rule is met and missed.
type forger struct {
	t   *testing.T
	rnd *rand.Rand
	p   *Proof
	n   *core.Network // nil where the parameters are those of none
}

// TestVerifiersAgree compares all verifiers on forgeries, some of which hold.
func TestVerifiersAgree(t *testing.T) {
	rnd := random.Source(t)
	var from [][]byte
	for _, g := range goods() {
		if b := g.make(t).Encode(); len(b) < 16<<10 {
			from = append(from, b)
		}
	}
	files := make([][]byte, *differFlag)
	count := make(map[string]int)
	for i := range files {
		p, err := Decode(from[rnd.IntN(len(from))])
		if err != nil {
			t.Fatal(err)
		}
		f := &forger{t: t, rnd: rnd, p: p}
		files[i] = f.forge()
		if _, err := judge(files[i]); err != nil {
			count[err.(*Fault).Code]++
		} else {
			count["holds"]++
		}
	}
	t.Logf("%d files with %d verdicts: %v", len(files), len(count), count)
	for name, command := range otherVerifiers(t) {
		t.Run(name, func(t *testing.T) {
			for i, verdict := range verdicts(t, command, files) {
				switch s, err := judge(files[i]); {
				case agrees(t, verdict, s, err):
				case err != nil:
					t.Errorf("file %d: %s, want %v", i, verdict, err)
				default:
					t.Errorf("file %d: %s, want %+v", i, verdict, *saysOf(s))
				}
			}
		})
	}
}

// chance is true in one of n cases.
func (f *forger) chance(n int) bool { return f.rnd.IntN(n) == 0 }

func (f *forger) forge() []byte {
	f.n, _ = core.NewNetwork(f.p.Params)
	for range 1 + f.rnd.IntN(3) {
		f.change()
	}
	if !f.chance(6) {
		f.mend()
	}
	b := f.p.Encode()
	if f.chance(8) {
		b = f.spoil(b)
	}
	return b
}

// headers returns the proof's headers.
func (f *forger) headers() []*core.Header {
	out := []*core.Header{&f.p.Block}
	for _, s := range []*Step{f.p.Seen, f.p.Next} {
		if s != nil {
			out = append(out, &s.Header)
		}
	}
	if f.p.Tip != nil {
		out = append(out, f.p.Tip)
	}
	return out
}

// change changes one thing.
func (f *forger) change() {
	p, headers := f.p, f.headers()
	h := headers[f.rnd.IntN(len(headers))]
	switch f.rnd.IntN(16) {
	case 0:
		h.MessageCount = uint32(f.number(uint64(h.MessageCount)))
	case 1, 2, 3:
		h.Height = f.number(h.Height)
	case 4:
		h.Work = f.work(h.Work)
	case 5, 6:
		h.TimeMS = f.number(h.TimeMS)
	case 7:
		h.BusyMS = uint32(f.number(uint64(h.BusyMS)))
	case 8:
		h.Bits = f.bits(h.Bits)
	case 9:
		h.Nonce = f.number(h.Nonce)
	case 10:
		p.Position = int(min(f.number(uint64(p.Position)), 1e15-1))
	case 11:
		f.drop()
	case 12:
		f.steps()
	case 13:
		f.message()
	case 14:
		f.params()
	case 15:
		f.sign()
	}
}

// number returns a number near x, near an edge, or any.
func (f *forger) number(x uint64) uint64 {
	edges := []uint64{0, 1, 2, 3, 1 << 15, 1<<16 + 1, 1<<32 - 1, 1 << 53, 1<<53 - 1, core.MaxTimeMS, core.MaxTimeMS + 1, math.MaxInt64, math.MaxUint64 - 1, math.MaxUint64}
	switch f.rnd.IntN(4) {
	case 0:
		return edges[f.rnd.IntN(len(edges))]
	case 1:
		return f.rnd.Uint64() >> f.rnd.IntN(64)
	}
	return x + uint64(f.rnd.IntN(9)) - 4
}

func (f *forger) work(x core.Work) core.Work {
	switch f.rnd.IntN(3) {
	case 0:
		return core.NewWork(f.number(0), f.number(0))
	case 1:
		return x.Sub(core.NewWork(0, uint64(f.rnd.IntN(40))))
	}
	sum, err := x.Add(core.NewWork(0, f.number(1)))
	if err != nil {
		return core.NewWork(math.MaxUint64, math.MaxUint64)
	}
	return sum
}

func (f *forger) bits(x core.Bits) core.Bits {
	switch f.rnd.IntN(3) {
	case 0:
		return core.Bits(f.rnd.Uint32())
	case 1:
		return core.Bits(f.rnd.IntN(40))<<24 | core.Bits(f.rnd.IntN(1<<24))
	}
	return x + core.Bits(f.rnd.IntN(5)) - 2
}

// drop takes a part away, or puts one where another should be.
func (f *forger) drop() {
	p := f.p
	switch f.rnd.IntN(7) {
	case 0:
		p.Seen = nil
	case 1:
		p.Next = nil
	case 2:
		p.Tip = nil
	case 3:
		p.Message.Body = nil
	case 4:
		if p.Next != nil {
			next := p.Next.Header
			p.Tip = &next
		}
	case 5:
		p.Seen = &Step{Header: p.Block}
	case 6:
		if f.n != nil {
			p.Seen = &Step{Header: f.n.Header}
		}
	}
}

// steps changes a path.
func (f *forger) steps() {
	paths := []*[]core.Hash{&f.p.Path}
	for _, s := range []*Step{f.p.Seen, f.p.Next} {
		if s != nil {
			paths = append(paths, &s.Path)
		}
	}
	path := paths[f.rnd.IntN(len(paths))]
	switch i := f.rnd.IntN(len(*path) + 1); {
	case i == len(*path) || f.chance(3):
		*path = append(*path, core.Hash{byte(f.rnd.Uint32())})
	case f.chance(2):
		*path = (*path)[:i]
	default:
		(*path)[i][f.rnd.IntN(32)] ^= 1 << f.rnd.IntN(8)
	}
}

// message changes the envelope or the body.
func (f *forger) message() {
	m := f.p.Message
	switch f.rnd.IntN(6) {
	case 0:
		m.TimeMS = f.number(m.TimeMS)
	case 1:
		m.PayloadSize = uint32(f.number(uint64(m.PayloadSize)))
	case 2:
		m.Nonce = f.number(m.Nonce)
	case 3:
		m.MediaType = string([]byte{0x1f + byte(f.rnd.IntN(97)), 0x7e})
	case 4:
		if m.Body != nil {
			m.Body.Salt[f.rnd.IntN(16)] ^= 1
		}
	case 5:
		payload := make([]byte, f.rnd.IntN(70))
		m.Body = &core.Body{Payload: payload}
		if f.chance(2) {
			m.PayloadSize, m.Commitment = uint32(len(payload)), core.Commit(m.Body.Salt, payload)
		}
	}
}

// params changes the network.
func (f *forger) params() {
	p := &f.p.Params
	small := func(x int) int { return int(min(f.number(uint64(x)), 1e15-1)) }
	switch f.rnd.IntN(10) {
	case 0:
		p.Name = "abcdefghijklmnopqrstuvwxyz-012345"[:f.rnd.IntN(34)]
	case 1:
		p.GenesisTimeMS = min(f.number(p.GenesisTimeMS), 1e15-1)
	case 2:
		p.Difficulty = []int{0, 1, 1, 2, 16, 17}[f.rnd.IntN(6)]
	case 3:
		p.BlockIntervalMS = []uint64{0, 99, 100, 1000, 3600000, 3600001}[f.rnd.IntN(6)]
	case 4:
		p.MaxPayloadBytes = small(p.MaxPayloadBytes)
	case 5:
		p.MaxBlockMessages = small(p.MaxBlockMessages)
	case 6:
		p.MaxBlockBytes = small(p.MaxBlockBytes)
	case 7:
		p.StampBits = f.rnd.IntN(5)
	case 8:
		p.Authors = append(p.Authors, f.p.Message.Author, core.PublicKey{31: byte(f.rnd.IntN(2))})
		if !f.chance(4) {
			sortKeys(p.Authors)
		}
	case 9:
		p.Pow = []string{"header", "classic", "other"}[f.rnd.IntN(3)]
	}
	f.n, _ = core.NewNetwork(*p)
}

// spoil changes the bytes of the file.
func (f *forger) spoil(b []byte) []byte {
	i := f.rnd.IntN(len(b))
	switch f.rnd.IntN(4) {
	case 0:
		b[i] ^= 1 << f.rnd.IntN(8)
	case 1:
		b = append(b[:i], b[i+1:]...)
	case 2:
		b = append(b[:i], append([]byte{" \n\t0a\"\x00\xff"[f.rnd.IntN(8)]}, b[i:]...)...)
	case 3:
		b = b[:i]
	}
	return b
}

// mend makes the parts fit again, from the message to the last header; now and then it leaves one out.
func (f *forger) mend() {
	p := f.p
	if f.n == nil {
		return
	}
	if p.Seen != nil {
		f.seal(&f.n.Header, &p.Seen.Header)
		p.Message.Seen = p.Seen.Header.Hash()
	}
	p.Message.ID = p.Message.Envelope.ID(f.n.Genesis)
	if !f.chance(10) {
		f.sign()
	}
	leaf := p.Message.Leaf()
	f.mendPath(&p.Path, uint64(p.Position), uint64(p.Block.MessageCount), leafHash(&leaf), &p.Block.MessageRoot)
	if p.Seen != nil {
		hash := p.Seen.Header.Hash()
		f.mendPath(&p.Seen.Path, p.Seen.Header.Height, p.Block.Height, core.LeafHash(hash[:]), &p.Block.HistoryRoot)
	}
	f.follow(&f.n.Header, &p.Block)
	if p.Next == nil {
		return
	}
	next := &p.Next.Header
	f.follow(&p.Block, next)
	if p.Tip == nil {
		return
	}
	hash := next.Hash()
	f.mendPath(&p.Next.Path, next.Height, p.Tip.Height, core.LeafHash(hash[:]), &p.Tip.HistoryRoot)
	f.follow(next, p.Tip)
}

// mendPath gives a path its length and a root its value.
func (f *forger) mendPath(path *[]core.Hash, index, size uint64, leaf core.Hash, root *core.Hash) {
	if index >= size || f.chance(20) {
		return
	}
	for want := pathLength(index, size); len(*path) != want; {
		if len(*path) > want {
			*path = (*path)[:want]
		} else {
			*path = append(*path, core.Hash{byte(len(*path))})
		}
	}
	*root = pathRoot(index, size, leaf, *path)
}

// follow makes a header one that can come after another one, and seals it.
func (f *forger) follow(p, h *core.Header) {
	if h.Height <= p.Height && !f.chance(10) {
		h.Height = p.Height + 1 + f.rnd.Uint64N(3)
	}
	between := h.Height - p.Height - 1
	if between == 0 && !f.chance(20) {
		h.PreviousHash, h.Bits = p.Hash(), consensus.NextBits(f.n, p)
	}
	if !f.chance(10) {
		h.TimeMS = max(h.TimeMS, p.TimeMS+between+max(1, uint64(h.BusyMS)))
	}
	if least, err := leastWork(f.n, placed{Header: p}, placed{Header: h}, between); err == nil && !f.chance(10) {
		h.Work = least
		if between > 0 && f.chance(3) {
			h.Work = f.work(least)
		}
	}
	if hash := p.Hash(); p.Height == 0 && between == 0 && !f.chance(20) {
		h.HistoryRoot = core.LeafHash(hash[:])
	}
	f.seal(p, h)
}

// seal searches a nonce where there can be one.
func (f *forger) seal(p, h *core.Header) {
	if target, err := h.Bits.Target(); err != nil || target.Cmp(core.DifficultyTarget(3)) < 0 || f.chance(30) {
		return
	}
	for range 1 << 14 {
		if consensus.CheckPow(f.n, p, h) == nil {
			return
		}
		h.Nonce = (h.Nonce + 1) & consensus.MaxNonce
	}
}
