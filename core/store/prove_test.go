package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/proof"
)

// statement builds the proof of a message, passes it through its file, and fails the test unless it holds.
func statement(t testing.TB, s *Store, id core.Hash) (*proof.Proof, *proof.Statement) {
	t.Helper()
	p, says, err := prove(s, id)
	if err != nil {
		t.Fatal(err)
	}
	return p, says
}

func prove(s *Store, id core.Hash) (*proof.Proof, *proof.Statement, error) {
	built, err := proof.Build(s, id)
	if err != nil {
		return nil, nil, err
	}
	read, err := proof.Decode(built.Encode())
	if err != nil {
		return nil, nil, err
	}
	says, err := read.Verify()
	if err == nil && says.ID != id {
		err = fmt.Errorf("proof of %v, want %v", says.ID, id)
	}
	return read, says, err
}

// seeing makes messages whose author saw a block.
func seeing(t testing.TB, n *core.Network, name string, seen core.Hash, count int) []*core.Message {
	t.Helper()
	msgs := make([]*core.Message, count)
	for i := range msgs {
		msgs[i] = coretest.MessageWith(t, n, coretest.Key(i), text("%s/%d", name, i), func(m *core.Message) { m.Seen = seen })
	}
	return msgs
}

// Every message of a chain has a proof that holds, at every length of the chain, and that says where it
// is, whatever block its author saw.
func TestEveryMessageHasAProof(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	tip := coretest.Genesis(n)
	hashes := []core.Hash{n.Genesis}
	var blocks []*core.Block
	for height := 1; height <= share(70); height++ {
		b := coretest.Next(t, n, tip, seeing(t, n, text("%d", height), hashes[(height*height)%len(hashes)], height%6)...)
		connect(t, s, b)
		tip, blocks, hashes = tip.After(b), append(blocks, b), append(hashes, b.Header.Hash())
		for _, b := range blocks {
			if (height+int(b.Header.Height))%7 > 1 && height != share(70) {
				continue // enough pairs of heights are left
			}
			for i, m := range b.Messages {
				_, says := statement(t, s, m.ID)
				switch {
				case says.BlockHash != hashes[b.Header.Height] || says.Position != i:
					t.Fatalf("message %d of block %d is said to be %d of %v", i, b.Header.Height, says.Position, says.BlockHash)
				case says.Seen == nil || says.Seen.Hash != m.Seen:
					t.Fatalf("seen %v, want %v", says.Seen, m.Seen)
				case says.TipHash != tip.Hash || says.Confirmations != uint64(height)-b.Header.Height:
					t.Fatalf("%d confirmations by %v, tip is %v at %d", says.Confirmations, says.TipHash, tip.Hash, height)
				case !reflect.DeepEqual(says.Message, m):
					t.Fatalf("message %v, want %v", says.Message, m)
				}
			}
		}
	}
}

func TestNoProof(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	msgs := coretest.Messages(t, n, "m", 3)
	accept(t, s, true, mempool.Accepted, msgs[0])
	main := branch(t, n, coretest.Genesis(n), nil, nil)
	side := branch(t, n, coretest.Genesis(n), msgs[1:2])
	connect(t, s, main...)
	commit(t, s, storing(side...))
	for _, tt := range []struct {
		name string
		id   core.Hash
		want error
	}{
		{"waiting", msgs[0].ID, proof.ErrNotConfirmed},
		{"on a side branch", msgs[1].ID, proof.ErrNotConfirmed},
		{"unknown", msgs[2].ID, chain.ErrNotFound},
		{"a block", main[0].Header.Hash(), chain.ErrNotFound},
	} {
		if p, err := proof.Build(s, tt.id); !errors.Is(err, tt.want) || p != nil {
			t.Errorf("%s: %v, %v, want %v", tt.name, p, err, tt.want)
		}
	}
}

// What the author saw counts only if it is an earlier block of the best chain.
func TestProofWithoutLowerBound(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	side := branch(t, n, coretest.Genesis(n), coretest.Messages(t, n, "side", 1))
	commit(t, s, storing(side...))
	main := branch(t, n, coretest.Genesis(n), nil, nil)
	connect(t, s, main...)
	tip := coretest.Genesis(n).After(main[0]).After(main[1])
	m := slices.Concat(seeing(t, n, "a", side[0].Header.Hash(), 1), seeing(t, n, "b", core.Hash{1}, 1), seeing(t, n, "c", main[0].Header.Hash(), 1))
	connect(t, s, branch(t, n, tip, m)...)
	for i, want := range []bool{false, false, true} {
		if _, says := statement(t, s, m[i].ID); (says.Seen != nil) != want {
			t.Errorf("message %d: seen = %v", i, says.Seen)
		}
	}
}

// A block commits to one signature of a message; the record may have another one.
func TestProofHasTheSignatureOfTheBlock(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	first := coretest.Message(t, n, coretest.Key(0), "signed twice")
	accept(t, s, true, mempool.Accepted, first)
	second := coretest.Resigned(t, coretest.Key(0), first)
	connect(t, s, branch(t, n, coretest.Genesis(n), []*core.Message{second})...)
	if p, _ := statement(t, s, first.ID); p.Message.Signature != second.Signature {
		t.Error("the proof has the signature of the record")
	}
}

// A body that was erased is in no proof, also while it is still in the store; a dropped one does not
// hinder a proof.
func TestProofOfErasedMessage(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	msgs := coretest.Messages(t, n, "m", 3)
	blocks := branch(t, n, coretest.Genesis(n), msgs[:2], nil)
	blocks[0].Messages[1] = coretest.WithoutBodies(blocks[0]).Messages[1]
	connect(t, s, blocks...)
	if _, err := s.Erase(chain.Erasure{ID: msgs[0].ID, TimeMS: 2001}); err != nil {
		t.Fatal(err)
	}
	if m, err := s.Message(msgs[0].ID); err != nil || m.Body == nil {
		t.Fatalf("the body is not in the store any more: %v, %v", m, err)
	}
	for i, m := range msgs[:2] {
		if _, says := statement(t, s, m.ID); says.Message.Body != nil {
			t.Errorf("the proof of message %d has its body", i)
		}
	}
}

// While the chain moves from one branch to another and back, every proof is of one of them: nothing in
// it is from before the move and something else from after it.
func TestProofsWhileTheChainMoves(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*Options)
	}{{"in one batch", func(*Options) {}}, {"in a journalled change", long}} {
		t.Run(tt.name, func(t *testing.T) {
			n := coretest.Network(t)
			s := open(t, n, vfs.NewMem(), tt.edit)
			msgs := coretest.Messages(t, n, "m", 8)
			a := branch(t, n, coretest.Genesis(n), nil, msgs[:4], msgs[4:], nil, nil)
			b := branch(t, n, coretest.Genesis(n), msgs[6:], nil, nil, msgs[:6], nil, nil)
			tips := []core.Hash{a[len(a)-1].Header.Hash(), b[len(b)-1].Header.Hash()}
			connect(t, s, a...)
			commit(t, s, reorg(a, b))
			done, moved := make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-done:
						moved <- nil
						return
					default:
					}
					if err := errors.Join(s.Commit(reorg(b, a)), s.Commit(reorg(a, b))); err != nil {
						moved <- err
						return
					}
				}
			}()
			seen := make(map[core.Hash]int)
			for turn := range share(600) {
				_, says, err := prove(s, msgs[turn%len(msgs)].ID)
				if err != nil {
					t.Error(err)
					break
				}
				seen[says.TipHash]++
			}
			close(done)
			if err := <-moved; err != nil {
				t.Error(err)
			}
			t.Logf("proofs by tip: %v", seen)
			if len(seen) != 2 || seen[tips[0]] == 0 || seen[tips[1]] == 0 {
				t.Errorf("proofs of %v, want both tips, %v", seen, tips)
			}
		})
	}
}

// What a proof needs and the store has lost is damage, and never taken for a message that is not known.
func TestProofFromDamagedStore(t *testing.T) {
	n := coretest.Network(t)
	for name, key := range map[string]func(blocks []*core.Block) []byte{
		"height":  func([]*core.Block) []byte { return numberKey(prefixHeight, 3) },
		"history": func([]*core.Block) []byte { return historyKey(1, 0) },
		"leaves":  func(b []*core.Block) []byte { return blockKey(prefixLeaves, 2, b[1].Header.Hash()) },
		"record":  func([]*core.Block) []byte { return numberKey(prefixRecord, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			told := false
			s, err := Open("store", n, options(t, vfs.NewMem(), func(o *Options) { o.OnDamage = func(error) { told = true } }))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			msgs := coretest.Messages(t, n, "m", 1)
			blocks := branch(t, n, coretest.Genesis(n), nil, msgs, nil, nil)
			connect(t, s, blocks...)
			if err := s.db.Delete(key(blocks), nil); err != nil {
				t.Fatal(err)
			}
			if _, err := proof.Build(s, msgs[0].ID); !errors.Is(err, ErrCorrupt) || errors.Is(err, chain.ErrNotFound) {
				t.Errorf("Build = %v, want ErrCorrupt", err)
			}
			if !told {
				t.Error("the damage was not told")
			}
		})
	}
}

// The proofs of a large block are the same when the roots of its pieces are kept from an earlier one.
func TestProofsOfALargeBlock(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	msgs := unsignedMessages(n, 0, 5000) // pieces of 2,048, 2,048 and 904
	large := coretest.Next(t, n, coretest.Genesis(n), msgs...)
	tip := coretest.Genesis(n).After(large)
	commit(t, s, chain.Change{Store: []chain.Stored{{Hash: tip.Hash, SeenMS: 1, Block: large}}, Apply: []core.Hash{tip.Hash}})
	for _, position := range []int{0, 1, 2047, 2048, 4095, 4096, 4999} {
		cold := &forgetful{s}
		want, err := proof.Build(cold, msgs[position].ID)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first one of all keeps the roots
			got, err := proof.Build(s, msgs[position].ID)
			if err != nil || !bytes.Equal(got.Encode(), want.Encode()) {
				t.Fatalf("message %d: %v, another proof than without the roots", position, err)
			}
		}
		if root := pathRoot(position, len(msgs), msgs[position].Leaf(), want.Path); root != large.Header.MessageRoot {
			t.Errorf("message %d: its path leads to %v", position, root)
		}
	}
}

// pathRoot is that of RFC 9162, section 2.1.3.2.
func pathRoot(index, size int, leaf core.Leaf, path []core.Hash) core.Hash {
	h := core.LeafHash(append(leaf.ID[:], leaf.Signature[:]...))
	for fn, sn := index, size-1; len(path) > 0; fn, sn, path = fn>>1, sn>>1, path[1:] {
		left, right := h, path[0]
		if fn&1 == 1 || fn == sn {
			left, right = path[0], h
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		}
		h = sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
	return h
}

// A forgetful store keeps no roots.
type forgetful struct{ *Store }

func (f forgetful) View(use func(proof.View) error) error {
	return f.Store.View(func(v proof.View) error { return use(struct{ proof.View }{v}) })
}

// Leaves for proofs are read like all others, and refused like them.
func FuzzBareLeaves(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{valueVersion})
	f.Add([]byte{valueVersion + 1})
	f.Add(encodeLeaves(make([]keptLeaf, 2)))
	f.Add(append(encodeLeaves([]keptLeaf{{core.Leaf{ID: core.Hash{1}, Signature: core.Signature{2}}, 3}}), 0))
	f.Fuzz(func(t *testing.T, value []byte) {
		want, wantErr := decodeLeaves(value)
		got, err := decodeBareLeaves(value, 0, math.MaxInt)
		if (err == nil) != (wantErr == nil) || err == nil && len(got) != len(want) {
			t.Fatalf("%d leaves, %v, want %d, %v", len(got), err, len(want), wantErr)
		}
		for i := range got {
			if got[i] != want[i].Leaf {
				t.Fatalf("leaf %d = %v, want %v", i, got[i], want[i].Leaf)
			}
			if one, err := decodeBareLeaves(value, i, i+1); err != nil || len(one) != 1 || one[0] != got[i] {
				t.Fatalf("leaf %d alone = %v, %v", i, one, err)
			}
		}
	})
}
