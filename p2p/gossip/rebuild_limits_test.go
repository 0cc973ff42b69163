package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// Messages for which memory has no room are found on disk.
func TestRebuildFromDisk(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n, func(c *mempool.Config) { c.MemoryBytes = 2000 })
		y.say(t, m...)
		if in := y.pool.Totals().InMemory; in > 10 {
			t.Fatalf("%d messages in memory: this tests nothing", in)
		}
		y.announce("a", encodeCompact(b))
		y.run(time.Second)
		y.wantBlock(b)
	})
}

// Blocks that follow each other are rebuilt at the same time, though the second has no parent yet.
func TestRebuildInARow(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	first := coretest.Next(t, n, coretest.Genesis(n), m[:20]...)
	second := coretest.Next(t, n, coretest.Genesis(n).After(first), m[20:]...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.say(t, m...)
		for _, b := range []*core.Block{first, second} {
			if !y.announce("a", encodeCompact(b)) {
				t.Error("not forwarded at once")
			}
		}
		y.run(time.Second)
		if len(y.offered) != 2 {
			t.Fatalf("%d blocks rebuilt", len(y.offered))
		}
		slices.SortFunc(y.offered, func(a, b *core.Block) int { return int(a.Header.Height) - int(b.Header.Height) })
		y.seal(y.offered[0])
		y.seal(y.offered[1])
	})
}

// Nobody can have us rebuild without end: neither one peer, nor all, nor one header.
func TestRebuildQuotas(t *testing.T) {
	n := coretest.Network(t)
	blocks := make([]*core.Block, 40)
	for i := range blocks {
		blocks[i] = coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.Nonce = uint64(i) << 32 }, coretest.Messages(t, n, "m", 3)...)
	}
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		for i, b := range blocks[:rebuildsPerPeer+1] {
			y.announce("a", encodeCompact(b))
			if got := len(y.told) > 0; got != (i == rebuildsPerPeer) {
				t.Errorf("block %d of one peer is left to the syncer: %v", i, got)
			}
		}
		for i, b := range blocks[rebuildsPerPeer:maxRebuilds] {
			y.announce(peer.ID(fmt.Sprint(i)), encodeCompact(b))
		}
		if len(y.told) != 1 || len(y.rebuilder.all) != maxRebuilds {
			t.Fatalf("%d rebuilds, %d left; want %d and 1", len(y.rebuilder.all), len(y.told), maxRebuilds)
		}
		y.announce("z", encodeCompact(blocks[maxRebuilds]))
		if len(y.told) != 2 || y.told[1] != "z" {
			t.Errorf("one more is not left to the syncer: %v", y.told)
		}
		one := y.rebuilder.all[blocks[0].Header.Hash()]
		for i := range 100 {
			y.announce("a", MadeUp(blocks[0], byte(i+1)))
			y.announce(peer.ID(fmt.Sprintf("more/%d", i)), MadeUp(blocks[0], byte(i+1)))
		}
		if len(one.announcers) != maxAnnouncers || len(one.versions) != maxVersions {
			t.Errorf("%d announcers and %d versions for one header", len(one.announcers), len(one.versions))
		}
	})
}

// A header buys one rebuild: what comes later goes to the syncer.
func TestOneRebuildForOneHeader(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 4)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.announce("a", encodeCompact(b))
		y.run(time.Minute)
		if len(y.told) != 1 {
			t.Fatalf("told of %v", y.told)
		}
		for i := range 10 {
			if y.announce("b", MadeUp(b, byte(i+1))) {
				t.Error("one header is forwarded twice")
			}
		}
		if y.busy() || len(y.told) != 11 {
			t.Errorf("rebuilt again: %v, told of %v", y.busy(), y.told)
		}
	})
}

// A block that comes by another way needs no more questions.
func TestRebuildEndsWhenTheBlockIsThere(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.sources["a"] = &source{}
		y.say(t, m[1:]...)
		y.announce("a", encodeCompact(b))
		go func() {
			time.Sleep(time.Second)
			y.seal(b)
		}()
		if took := y.run(time.Minute); took < time.Second || took > time.Second+2*maxPause {
			t.Errorf("took %v", took)
		}
		if y.chain.State(b.Header.Hash()) != chain.Connected || len(y.offered) > 0 || y.Stats().Rebuilds.Left != 0 {
			t.Errorf("%d offered, %+v", len(y.offered), y.Stats().Rebuilds)
		}
	})
}

// A peer that announces the block while the others are waited for is asked at once.
func TestLateAnnouncerIsAskedAtOnce(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.sources["a"], y.sources["b"] = &source{}, &source{block: b}
		y.say(t, m[1:]...)
		y.announce("a", encodeCompact(b))
		const late = time.Second + maxPause/3 // by then a is asked once in maxPause
		go func() {
			time.Sleep(late)
			y.announce("b", encodeCompact(b))
		}()
		if took := y.run(time.Minute); took > late+2*time.Millisecond {
			t.Errorf("took %v, announced after %v", took, late)
		}
		y.wantBlock(b)
	})
}

// A header whose root no leaves give costs its maker the work, and nobody else anything but time.
func TestRebuildOfNoBlock(t *testing.T) {
	n := coretest.Network(t)
	for _, count := range []uint32{0, 3} {
		b := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.MessageRoot, h.MessageCount = core.Hash{1}, count })
		data := append(startAnnouncement(kindCompact, &b.Header, 0), make([]byte, core.ShortIDSize*count)...)
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, n)
			y.sources["a"] = &source{}
			y.say(t, coretest.Messages(t, n, "m", 5)...)
			y.announce("a", data)
			if took := y.run(time.Minute); took > rebuildTime+time.Second {
				t.Errorf("%d messages: took %v", count, took)
			}
			if len(y.offered) > 0 || len(y.punished) > 0 {
				t.Errorf("%d messages: %d rebuilt, punished %v", count, len(y.offered), y.punished)
			}
		})
	}
}

// A rebuilt block with a bad signature is condemned when the chain judges it, as any other.
func TestRebuiltBlockIsJudged(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	bad := coretest.Next(t, n, coretest.Genesis(n), append(m[:39:39], resigned(m[39]))...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.sources["a"] = &source{block: bad}
		y.say(t, m...)
		y.announce("a", encodeCompact(bad))
		y.run(time.Minute)
		if len(y.offered) != 1 || len(y.punished) > 0 {
			t.Fatalf("%d rebuilt, punished %v", len(y.offered), y.punished)
		}
		if _, err := y.chain.AddBlocks(y.offered); !errors.Is(err, consensus.ErrSignature) {
			t.Errorf("AddBlocks = %v, want ErrSignature", err)
		}
	})
}

// A tip that came by sync is announced as if it were mined here; where its block cannot be read, by its
// header.
func TestTipsAreAnnouncedByShortIDs(t *testing.T) {
	n := coretest.Network(t)
	d := newDesk(t, n)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 40)...)
	tip := chain.Tip{Hash: b.Header.Hash(), Header: b.Header}
	for _, want := range [][]byte{encodeHeader(&b.Header), encodeCompact(b)} {
		if got := d.encodeTip(&tip); !bytes.Equal(got, want) {
			t.Errorf("announced by %d bytes of kind %d, want %d of kind %d", len(got), got[0], len(want), want[0])
		}
		if _, err := d.chain.AddBlocks([]*core.Block{b}); err != nil {
			t.Fatal(err)
		}
	}
}
