package proof

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

var mutations = flag.Int("mutations", 10_000, "altered proofs that must be refused; 100000 for the figures")

// A mutator alters proofs at random, each time in one of several ways.
type mutator struct {
	*rand.Rand
	bytes  []byte
	proof  *Proof
	others []core.Header // of the same chain, with proof of work
}

// ways returns the ways of altering, with their names. None of them takes a part away, which would leave
// a proof that holds and shows less.
func (m *mutator) ways() map[string]func() []byte {
	return map[string]func() []byte{
		"another byte": func() []byte { b := m.copy(); b[m.IntN(len(b))] = byte(m.Uint32()); return b },
		"a bit":        func() []byte { b := m.copy(); b[m.IntN(len(b))] ^= 1 << m.IntN(8); return b },
		"a hex digit":  m.digit,
		"a digit less": func() []byte { b := m.copy(); at := m.IntN(len(b)); return slices.Delete(b, at, at+1) },
		"a byte more":  func() []byte { b := m.copy(); return slices.Insert(b, m.IntN(len(b)+1), byte(m.Uint32())) },
		"cut":          func() []byte { return m.copy()[:m.IntN(len(m.bytes))] },
		"moved":        m.move,
		"bytes swapped": func() []byte {
			b := m.copy()
			i, j := m.IntN(len(b)), m.IntN(len(b))
			b[i], b[j] = b[j], b[i]
			return b
		},
		"many digits":     m.digits,
		"a header field":  m.headerField,
		"another header":  m.header,
		"a hash":          m.hash,
		"a path":          m.path,
		"a message field": m.messageField,
		"a parameter":     m.param,
		"the body":        m.body,
	}
}

func (m *mutator) copy() []byte { return bytes.Clone(m.bytes) }

// digit changes one hex digit into another one, so that the file stays in form.
func (m *mutator) digit() []byte {
	b := m.copy()
	for {
		if at := m.IntN(len(b)); isHex(b[at]) {
			b[at] = "0123456789abcdef"[m.IntN(16)]
			return b
		}
	}
}

func (m *mutator) digits() []byte {
	b := m.copy()
	for range 1 + m.IntN(20) {
		if at := m.IntN(len(b)); isHex(b[at]) {
			b[at] = "0123456789abcdef"[m.IntN(16)]
		}
	}
	return b
}

// move copies a piece of the file over another place.
func (m *mutator) move() []byte {
	b := m.copy()
	size := 1 + m.IntN(min(400, len(b)-1))
	from, to := m.IntN(len(b)-size), m.IntN(len(b)-size)
	copy(b[to:], m.bytes[from:from+size])
	return b
}

// again returns a copy of the proof whose parts may be changed.
func (m *mutator) again() *Proof {
	p, err := Decode(m.bytes)
	if err != nil {
		panic(err)
	}
	return p
}

// number returns one that is near, far or at the end of what there is.
func (m *mutator) number(old uint64) uint64 {
	switch m.IntN(6) {
	case 0:
		return old + 1
	case 1:
		return old - 1
	case 2:
		return 0
	case 3:
		return 1<<64 - 1
	case 4:
		return old ^ 1<<m.IntN(64)
	}
	return m.Uint64()
}

func (m *mutator) change(h *core.Hash) {
	switch m.IntN(4) {
	case 0:
		h[m.IntN(32)] ^= 1 << m.IntN(8)
	case 1:
		*h = core.Hash{}
	case 2:
		*h = m.others[m.IntN(len(m.others))].Hash()
	default:
		for i := range h {
			h[i] = byte(m.Uint32())
		}
	}
}

// one returns a header of the proof.
func (m *mutator) one(p *Proof) *core.Header {
	headers := []*core.Header{&p.Block}
	if p.Seen != nil {
		headers = append(headers, &p.Seen.Header)
	}
	if p.Next != nil {
		headers = append(headers, &p.Next.Header)
	}
	if p.Tip != nil {
		headers = append(headers, p.Tip)
	}
	return headers[m.IntN(len(headers))]
}

func (m *mutator) headerField() []byte {
	p := m.again()
	h := m.one(p)
	switch m.IntN(10) {
	case 0:
		h.MessageCount = uint32(m.number(uint64(h.MessageCount)))
	case 1:
		h.Height = m.number(h.Height)
	case 2:
		m.change(&h.PreviousHash)
	case 3:
		m.change(&h.MessageRoot)
	case 4:
		m.change(&h.HistoryRoot)
	case 5:
		work := h.Work.Bytes()
		work[m.IntN(16)] = byte(m.Uint32())
		h.Work = core.DecodeWork(work)
	case 6:
		h.TimeMS = m.number(h.TimeMS)
	case 7:
		h.BusyMS = uint32(m.number(uint64(h.BusyMS)))
	case 8:
		h.Bits = core.Bits(m.number(uint64(h.Bits)))
	default:
		h.Nonce = m.number(h.Nonce)
	}
	return p.Encode()
}

func (m *mutator) header() []byte {
	p := m.again()
	*m.one(p) = m.others[m.IntN(len(m.others))]
	return p.Encode()
}

// paths returns those that the proof has.
func (m *mutator) paths(p *Proof) []*[]core.Hash {
	paths := []*[]core.Hash{&p.Path}
	if p.Seen != nil {
		paths = append(paths, &p.Seen.Path)
	}
	if p.Next != nil && p.Tip != nil {
		paths = append(paths, &p.Next.Path)
	}
	return paths
}

func (m *mutator) hash() []byte {
	p := m.again()
	paths := m.paths(p)
	if path := *paths[m.IntN(len(paths))]; len(path) > 0 {
		m.change(&path[m.IntN(len(path))])
	}
	return p.Encode()
}

// path changes the length or the order of a path, or the position.
func (m *mutator) path() []byte {
	p := m.again()
	paths := m.paths(p)
	path := paths[m.IntN(len(paths))]
	switch m.IntN(5) {
	case 0:
		*path = append(*path, core.Hash{})
	case 1:
		*path = slices.Insert(*path, m.IntN(len(*path)+1), m.others[0].Hash())
	case 2:
		if len(*path) > 0 {
			*path = slices.Delete(*path, 0, 1)
		}
	case 3:
		m.Shuffle(len(*path), func(i, j int) { (*path)[i], (*path)[j] = (*path)[j], (*path)[i] })
	default:
		p.Position = int(m.number(uint64(p.Position)) % 1e15)
	}
	return p.Encode()
}

func (m *mutator) messageField() []byte {
	p := m.again()
	e := p.Message
	switch m.IntN(8) {
	case 0:
		m.change((*core.Hash)(&e.Author))
	case 1:
		e.TimeMS = m.number(e.TimeMS)
	case 2:
		m.change(&e.Seen)
	case 3:
		e.Nonce = m.number(e.Nonce)
	case 4:
		e.MediaType = "text/html; charset=utf-8"[:m.IntN(24)]
	case 5:
		e.PayloadSize = uint32(m.number(uint64(e.PayloadSize)))
	case 6:
		m.change(&e.Commitment)
	default:
		e.Signature[m.IntN(64)] ^= byte(1 + m.IntN(255))
	}
	return p.Encode()
}

func (m *mutator) param() []byte {
	p := m.again()
	x := &p.Params
	small := func(old int) int { return int(m.number(uint64(old)) % 1e15) }
	switch m.IntN(10) {
	case 0:
		x.Name = "mined-2"[:m.IntN(8)]
	case 1:
		x.Text = x.Text[m.IntN(len(x.Text)+1):]
	case 2:
		x.GenesisTimeMS = m.number(x.GenesisTimeMS) % 1e15
	case 3:
		x.Pow = []string{"classic", "header", "", "none"}[m.IntN(4)]
	case 4:
		x.Difficulty = small(x.Difficulty)
	case 5:
		x.BlockIntervalMS = m.number(x.BlockIntervalMS) % 1e15
	case 6:
		x.MaxPayloadBytes = small(x.MaxPayloadBytes)
	case 7:
		x.MaxBlockMessages = small(x.MaxBlockMessages)
	case 8:
		x.StampBits = small(x.StampBits)
	default:
		x.Authors = append(x.Authors, p.Message.Author)
	}
	return p.Encode()
}

// body changes salt or payload, where there are any.
func (m *mutator) body() []byte {
	p := m.again()
	body := p.Message.Body
	switch {
	case body == nil:
		p.Message.Body = &core.Body{Payload: make([]byte, p.Message.PayloadSize)}
	case m.IntN(2) == 0 || len(body.Payload) == 0:
		body.Salt[m.IntN(len(body.Salt))] ^= byte(1 + m.IntN(255))
	default:
		body.Payload[m.IntN(len(body.Payload))] ^= byte(1 + m.IntN(255))
	}
	return p.Encode()
}

// shapes returns proofs of the mined network, in which a change of a header has no chance to meet its
// target: with 100,000 of them, 0.6 % that one does.
func shapes(t *testing.T) []*Proof {
	b, err := os.ReadFile(filepath.Join("testdata", "mined"+Extension))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	noTip, noNext, noSeen := *p, *p, *p
	noTip.Next, noTip.Tip = &Step{Header: p.Next.Header}, nil
	noNext.Next, noNext.Tip = nil, nil
	noSeen.Seen = nil
	return []*Proof{p, p, p, p.WithoutBody(), &noTip, &noNext, &noSeen}
}

// alteration is an altered file, and how it came to be.
type alteration struct {
	way string
	b   []byte
}

// TestMutated alters proofs, -mutations times and every time so that the bytes differ: each of them must be
// refused, with a code of the table and with words. First every bit of every byte of the largest shape is
// turned, as far as there is room, then comes chance.
func TestMutated(t *testing.T) {
	rng := random.Source(t)
	all := shapes(t)
	headers := []core.Header{all[0].Block, all[0].Seen.Header, all[0].Next.Header, *all[0].Tip}
	refusals, unchanged, made := make(map[string]int), 0, 0
	hold := func(before []byte, a alteration) {
		if bytes.Equal(before, a.b) {
			unchanged++
			return
		}
		made++
		_, err := judge(a.b)
		bad, ok := errors.AsType[*Fault](err)
		if !ok {
			t.Fatalf("%s: %v\n%s\n%s", a.way, err, before, a.b)
		}
		if bad.Code == "" || bad.Words() == bad.Code || bad.Part == "" || bad.Class == 0 {
			t.Fatalf("%s: refused without words: %#v", a.way, bad)
		}
		refusals[bad.Code]++
	}
	whole := all[0].Encode()
	for i := 0; i < 8*len(whole) && made < *mutations/2; i++ {
		b := bytes.Clone(whole)
		at := i * 7919 % (8 * len(whole)) // all of them, and spread where there is room for some
		b[at/8] ^= 1 << (at % 8)
		hold(whole, alteration{fmt.Sprintf("bit %d", at), b})
	}
	for made < *mutations {
		p := all[rng.IntN(len(all))]
		m := &mutator{Rand: rng, bytes: p.Encode(), proof: p, others: headers}
		ways := m.ways()
		names := slices.Sorted(maps.Keys(ways))
		way := names[rng.IntN(len(names))]
		hold(m.bytes, alteration{way, ways[way]()})
	}
	t.Logf("%d altered proofs refused, %d alterations changed nothing; by code: %v", made, unchanged, refusals)
	if made != *mutations || len(refusals) < 20 {
		t.Errorf("%d altered proofs, refused for %d reasons", made, len(refusals))
	}
}

// On a network of the lowest difficulty one altered header in 16 has proof of work by chance. Of a header
// that nothing in the proof commits to, which is the last one, only an anchor tells: with the hash of the
// true one, every altered proof is refused.
func TestMutatedIsNotAnchored(t *testing.T) {
	b := newScene(t).proof().Encode()
	good, err := judge(b)
	if err != nil {
		t.Fatal(err)
	}
	rng := random.Source(t)
	at := bytes.Index(b, []byte(`"tip":"`)) + len(`"tip":"`)
	held := 0
	for range *mutations / 2 {
		altered := bytes.Clone(b)
		digit := at + rng.IntN(2*core.HeaderSize)
		altered[digit] = "0123456789abcdef"[rng.IntN(16)]
		if bytes.Equal(altered, b) {
			continue
		}
		s, err := judge(altered)
		if err != nil {
			continue
		}
		held++
		if _, ok := s.Anchored(good.TipHash); ok {
			t.Fatalf("an altered header %v fits the anchor: %s", s.TipHash, hex.EncodeToString(altered[digit:digit+1]))
		}
		if s.BlockHash != good.BlockHash || *s.Next != *good.Next || *s.Seen != *good.Seen {
			t.Fatal("an altered last header changes what is proven")
		}
		if s.Shown() != good.Shown() {
			t.Fatal("an altered last header shows other work")
		}
	}
	if held == 0 {
		t.Error("no altered header had proof of work: this test shows nothing")
	}
	t.Logf("%d altered last headers had proof of work by chance", held)
}
