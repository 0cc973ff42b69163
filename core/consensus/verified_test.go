package consensus_test

import (
	"errors"
	"runtime"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

func TestVerified(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 50)
	v := consensus.NewVerified()
	v.Add(m[:20]...)
	for i, m := range m {
		if got := v.Has(m); got != (i < 20) {
			t.Errorf("Has(message %d) = %v", i, got)
		}
	}
	twice := *m[0] // its author may sign it in many ways, of which each is to be judged
	twice.Signature[40] ^= 1
	if v.Has(&twice) {
		t.Error("another signature of the same id counts as known")
	}
	if consensus.NewVerified().Has(m[0]) || (*consensus.Verified)(nil).Has(m[0]) {
		t.Error("an empty one knows a signature")
	}
	(*consensus.Verified)(nil).Add(m[0])
}

// What is remembered is not checked again, all else is, and the error names the right message.
func TestVerifiedCheckSignatures(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 50)
	trusted, forged := *m[3], *m[30]
	trusted.Signature[0] ^= 1 // a bad one that is remembered as good shows that nobody looked
	forged.Signature[0] ^= 1
	m[3], m[30] = &trusted, &forged
	v := consensus.NewVerified()
	v.Add(m[:20]...)
	check := func(v *consensus.Verified, index int) {
		t.Helper()
		err := v.CheckSignatures(m)
		bad, ok := errors.AsType[*consensus.MessageError](err)
		if !ok || bad.Index != index || bad.ID != m[index].ID || !errors.Is(err, consensus.ErrSignature) {
			t.Errorf("CheckSignatures = %v, want one about message %d", err, index)
		}
	}
	check(v, 30)
	check(nil, 3)
	m[30] = coretest.Message(t, n, coretest.Key(1), "good")
	if err := v.CheckSignatures(m); err != nil {
		t.Errorf("CheckSignatures = %v", err)
	}
}

func TestCheckBlocksKnowing(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 3)
	forged := *m[1]
	forged.Signature[0] ^= 1
	b := coretest.Next(t, n, coretest.Genesis(n), m[0], &forged, m[2])
	v := consensus.NewVerified()
	v.Add(m...)
	if _, err := consensus.CheckBlocks(n, v, []*core.Block{b}); !errors.Is(err, consensus.ErrSignature) {
		t.Errorf("a signature that is not the known one: %v, want ErrSignature", err)
	}
	v.Add(&forged)
	if _, err := consensus.CheckBlocks(n, v, []*core.Block{b}); err != nil {
		t.Errorf("all are known: %v", err)
	}
}

// The newest half of the capacity is never forgotten, and memory stays bounded.
func TestVerifiedIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes 400,000 signatures")
	}
	v := consensus.NewVerified()
	message := func(i int) *core.Message {
		return &core.Message{ID: core.Hash{byte(i), byte(i >> 8), byte(i >> 16)}}
	}
	const capacity = 1 << 18
	before := heap()
	for i := range capacity + capacity/2 + 10 {
		v.Add(message(i))
	}
	grown := int64(heap()) - int64(before)
	if v.Has(message(0)) || v.Has(message(capacity/2-1)) {
		t.Error("the oldest are not forgotten")
	}
	for i := capacity; i < capacity+capacity/2+10; i += 997 {
		if !v.Has(message(i)) {
			t.Fatalf("signature %d is forgotten", i)
		}
	}
	t.Logf("%d KiB", grown>>10)
	if grown > 16<<20 {
		t.Errorf("takes %d bytes", grown)
	}
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkCheckBlocksKnowing checks the same 1,000 messages as BenchmarkCheckBlock, all known.
func BenchmarkCheckBlocksKnowing(b *testing.B) {
	n := coretest.Network(b)
	msgs := benchMessages(b, n, 1000)
	block := coretest.Next(b, n, coretest.Genesis(n), msgs...)
	v := consensus.NewVerified()
	v.Add(msgs...)
	for b.Loop() {
		if _, err := consensus.CheckBlocks(n, v, []*core.Block{block}); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, len(msgs), "messages/s")
}
