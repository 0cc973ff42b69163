package api_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// An endlessChain makes its blocks when they are read, so that it takes no memory. Block hashes hold
// the height and nothing else.
type endlessChain struct {
	api.Chain
	top  uint64 // 0: without end
	full *core.Block
}

func endlessHash(height uint64) (h core.Hash) {
	binary.BigEndian.PutUint64(h[:], height)
	return h
}

func (c *endlessChain) Tip() chain.Tip {
	top := c.top
	if top == 0 {
		top = 1 << 40
	}
	return chain.Tip{Hash: endlessHash(top), Header: core.Header{Height: top}}
}

func (c *endlessChain) HashAt(height uint64) (core.Hash, error) { return endlessHash(height), nil }

func (c *endlessChain) Block(hash core.Hash) (*core.Block, error) {
	height := binary.BigEndian.Uint64(hash[:])
	b := &core.Block{Header: core.Header{Height: height, PreviousHash: endlessHash(height - 1)}}
	if c.full != nil && height > 0 {
		b.Messages = c.full.Messages
	}
	return b, nil
}

// TestChainMemory streams a chain of about 25 MB and looks at the heap on the way.
func TestChainMemory(t *testing.T) {
	coretest.Sequential(t)
	n := coretest.Network(t)
	text := strings.Repeat("0123456789", 100)
	full := &core.Block{}
	for range 10 {
		full.Messages = append(full.Messages, coretest.Message(t, n, coretest.Key(0), text))
	}
	const blocks = 2500
	f := start(t, func(_ *api.Config, d *api.Deps) {
		d.Chain = &endlessChain{Chain: d.Chain, top: blocks, full: full}
	})
	for _, path := range []string{"/chain", "/data", "/api/v1/export", "/api/v1/blocks"} {
		before := heap()
		r, err := http.NewRequest("GET", f.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/x-ndjson")
		// Compressed, this chain of one block over and over fits into the buffers of the connection: the
		// server would go on while we look, and what it throws away meanwhile counts as alive.
		r.Header.Set("Accept-Encoding", "identity")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var total, most uint64
		buf := make([]byte, 1<<20)
		for looked := uint64(0); ; {
			n, err := resp.Body.Read(buf)
			total += uint64(n)
			if total > looked+5<<20 {
				looked, most = total, max(most, heap())
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		resp.Body.Close()
		if total < 22<<20 {
			t.Fatalf("%s: only %d bytes", path, total)
		}
		if most > before+16<<20 {
			t.Errorf("%s: the heap grew from %d to %d KiB over %d MiB", path, before>>10, most>>10, total>>20)
		}
	}
}

// heap returns the bytes that are alive, whatever the server makes meanwhile.
func heap() uint64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestChainBreaks has the disk fail in the middle of a chain: the client must notice.
func TestChainBreaks(t *testing.T) {
	broken := &brokenChain{endlessChain: endlessChain{top: 5000}}
	f := start(t, func(_ *api.Config, d *api.Deps) {
		broken.Chain = d.Chain
		d.Chain = broken
	})
	r, err := http.NewRequest("GET", f.url+"/chain", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity") // compressed it would be so small that none of it was sent yet
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("the answer looks whole")
	}
	c := f.client()
	seen := 0
	err = c.Chain(t.Context(), func(client.ChainBlock) error { seen++; return nil })
	if err == nil || seen == 0 {
		t.Errorf("client: %v after %d blocks", err, seen)
	}
	f.stop()
	if !strings.Contains(f.log.String(), "bad sector") {
		t.Errorf("log: %s", f.log)
	}
}

type brokenChain struct{ endlessChain }

func (c *brokenChain) Block(hash core.Hash) (*core.Block, error) {
	if hash == endlessHash(4000) {
		return nil, errBadSector
	}
	return c.endlessChain.Block(hash)
}

// TestChainReorgs reads the chain with a reorg between any two looks at it: what comes out is always
// one whole branch from genesis on, the one that was left or the one that came.
func TestChainReorgs(t *testing.T) {
	for _, length := range []int{8, 12} { // against 7 blocks above the fork at height 2
		old, came := 0, 0
		for at := 1; at <= 40; at++ {
			f, turning := startTurning(t, at)
			for range 9 {
				f.seal()
			}
			oldTip := f.chain.Tip().Hash
			turning.turn = func() { f.reorg(length) }
			blocks := f.readChain()
			switch blocks[len(blocks)-1].Hash {
			case oldTip:
				old++
			case f.chain.Tip().Hash:
				came++
			default:
				t.Errorf("reorg at look %d to %d: ends at %d", at, length, len(blocks)-1)
			}
			f.stop()
		}
		if old < 5 || came < 5 {
			t.Errorf("%d old and %d new branches: not every case was met", old, came)
		}
	}
}

// readChain reads /chain and checks that it is one.
func (f *fixture) readChain() []api.ChainBlock {
	f.t.Helper()
	var got struct {
		Chain  []api.ChainBlock
		Length int
	}
	if err := json.Unmarshal([]byte(f.do("GET", "/chain", "").body), &got); err != nil {
		f.t.Fatal(err)
	}
	if got.Length != len(got.Chain) || got.Length < 1 {
		f.t.Fatalf("length %d of %d", got.Length, len(got.Chain))
	}
	for i, b := range got.Chain {
		if b.Index != uint64(i) || i > 0 && *b.PreviousHash != got.Chain[i-1].Hash {
			f.t.Errorf("block %d does not follow", i)
		}
	}
	return got.Chain
}

// A turningChain has a reorg just before somebody looks at it for the at-th time.
type turningChain struct {
	api.Chain
	at    int
	looks int
	turn  func()
}

// startTurning starts a node whose chain has its reorg when turn is set.
func startTurning(t *testing.T, at int) (*fixture, *turningChain) {
	turning := &turningChain{at: at}
	f := start(t, func(_ *api.Config, d *api.Deps) {
		turning.Chain = d.Chain
		d.Chain = turning
	})
	return f, turning
}

func (c *turningChain) look() {
	if c.turn == nil {
		return // not started yet
	}
	if c.looks++; c.looks == c.at {
		c.turn()
	}
}

func (c *turningChain) Tip() chain.Tip {
	c.look()
	return c.Chain.Tip()
}

func (c *turningChain) HashAt(height uint64) (core.Hash, error) {
	c.look()
	return c.Chain.HashAt(height)
}

func (c *turningChain) Block(hash core.Hash) (*core.Block, error) {
	c.look()
	return c.Chain.Block(hash)
}

func (c *turningChain) UpdatesSince(from core.Hash, limit int) (chain.Update, error) {
	c.look()
	return c.Chain.UpdatesSince(from, limit)
}

// TestStreamsAtOnce asks for one large answer too many, in virtual time: beside clients that read, it
// has to come again; beside clients that do not, it takes the place of one.
func TestStreamsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pause time.Duration // between two pieces that the others read; 0: they read nothing
		want  string
	}{
		{"clients that read", time.Second / 4, "503 Service Unavailable"},
		{"clients that do not", 0, "200 OK"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipes()
				f := startAt(t, coretest.Network(t), l, func(_ *api.Config, d *api.Deps) { d.Chain = &endlessChain{Chain: d.Chain} })
				var readers sync.WaitGroup
				defer readers.Wait() // while time goes on
				for range 16 {
					conn := l.dial()
					defer conn.Close()
					io.WriteString(conn, "GET /chain HTTP/1.1\r\nHost: localhost\r\n\r\n")
					if tt.pause > 0 {
						readers.Go(func() { trickle(conn, 64<<10, tt.pause) })
					}
				}
				synctest.Wait()
				for path, want := range map[string]string{"/chain": tt.want, "/livez": "200 OK"} {
					conn := l.dial()
					defer conn.Close()
					io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
					if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, want) {
						t.Errorf("%s: %q, %v; want %s", path, line, err, want)
					}
				}
				f.stop()
			})
		})
	}
}

// trickle reads a piece now and then.
func trickle(conn net.Conn, size int64, pause time.Duration) {
	for {
		if _, err := io.CopyN(io.Discard, conn, size); err != nil {
			return
		}
		time.Sleep(pause)
	}
}
