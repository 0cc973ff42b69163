package proof

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

// refused fails the test unless b is refused with this code.
func refused(t *testing.T, b []byte, code string) {
	t.Helper()
	_, err := judge(b)
	if bad, ok := errors.AsType[*Fault](err); !ok || bad.Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}

// A file that is larger than any proof is refused by its size, without a look inside, and the largest
// proof that there can be is not.
func TestBounds(t *testing.T) {
	b := newScene(t).proof().Encode()
	refused(t, append(bytes.TrimSpace(b), make([]byte, 100<<20)...), TooLarge)
	refused(t, append(b, make([]byte, MaxSize-len(b)+1)...), TooLarge)
	refused(t, append(b, make([]byte, MaxSize-len(b))...), NotCanonical)
	p := newScene(t, withText(strings.Repeat("\xff", core.MaxPayload)), withParams(func(p *core.Params) {
		p.Name, p.Text, p.MaxPayloadBytes = strings.Repeat("n", 32), strings.Repeat("t", 200), core.MaxPayload
	}), withMessage(func(m *core.Message) { m.MediaType = strings.Repeat("m", core.MaxMediaType) })).proof()
	for range maxPath - len(p.Path) {
		p.Path = append(p.Path, core.Hash{})
	}
	for range 1024 {
		p.Params.Authors = append(p.Params.Authors, core.PublicKey{})
	}
	p.Seen.Path, p.Next.Path = p.Path, p.Path
	if size := len(p.Encode()); size > MaxSize || size < MaxSize/2 {
		t.Errorf("the largest proof has %d bytes, the limit is %d", size, MaxSize)
	}
}

// Refusing does not cost much more memory than the file has, whatever it says.
func TestRefusalIsCheap(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates as it likes")
	}
	b := newScene(t).proof().Encode()
	for _, tt := range []struct{ name, from, to string }{
		{"authors", `"authors":[]`, `"authors":["` + strings.Repeat(strings.Repeat("0", 64)+`","`, 3000)},
		{"path", `"path":[`, `"path":[` + strings.Repeat(`"`+strings.Repeat("0", 64)+`",`, 3000)},
		{"payload", `"payload":"`, `"payload":"` + strings.Repeat("AAAA", 60000)},
		{"text", `"text":"`, `"text":"` + strings.Repeat("a", 250000)},
		{"brackets", `"path":[`, `"path":` + strings.Repeat("[", 250000)},
	} {
		forged := []byte(strings.Replace(string(b), tt.from, tt.to, 1))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := judge(forged)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > 2<<20 {
			t.Errorf("%s: %v, %d bytes for a file of %d", tt.name, err, used, len(forged))
		}
	}
}

// A proof that was not read from a file is judged as one that was, and breaks nothing.
func TestVerifyOfWhatNoFileHolds(t *testing.T) {
	good := newScene(t).proof()
	for _, tt := range []struct {
		name, code string
		edit       func(*Proof)
	}{
		{"empty", BadNetwork, func(p *Proof) { *p = Proof{} }},
		{"no message", BadEnvelope, func(p *Proof) { p.Message = nil }},
		{"long media type", BadEnvelope, func(p *Proof) { p.Message.MediaType = strings.Repeat("a", 300) }},
		{"binary media type", BadEnvelope, func(p *Proof) { p.Message.MediaType = "\n" }},
		{"late", BadEnvelope, func(p *Proof) { p.Message.TimeMS = 1 << 63 }},
		{"negative position", WrongPosition, func(p *Proof) { p.Position = -1 }},
		{"endless path", MessagePathLength, func(p *Proof) { p.Path = make([]core.Hash, 1<<16) }},
		{"next of the last height", WrongHeight, func(p *Proof) { p.Next.Header.Height = 0 }},
	} {
		p := good.WithoutBody() // a copy, down to the message
		next := *p.Next
		p.Next = &next
		tt.edit(p)
		_, err := p.Verify()
		if bad, ok := errors.AsType[*Fault](err); !ok || bad.Code != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	wrong := *good
	message := *good.Message
	message.ID = core.Hash{1} // the id is what the envelope gives, not what somebody says
	wrong.Message = &message
	if s, err := wrong.Verify(); err != nil || s.ID != good.Message.ID {
		t.Errorf("%v", err)
	}
}

// Paths are those of RFC 6962 for every leaf of trees of many sizes, and have the length that is asked for.
func TestPaths(t *testing.T) {
	rng := random.Source(t)
	hashes := make([]core.Hash, 150)
	for i := range hashes {
		for j := range hashes[i] {
			hashes[i][j] = byte(rng.Uint32())
		}
	}
	root := func(from, to uint64) (core.Hash, error) {
		return fold(append([]core.Hash(nil), hashes[from:to]...)), nil
	}
	for size := uint64(1); size <= 150; size += 1 + size/40 {
		whole := plainRoot(hashes[:size])
		for index := range size {
			path, err := auditPath(index, size, root)
			if err != nil {
				t.Fatal(err)
			}
			if want := plainPath(int(index), hashes[:size]); len(path) != len(want) || len(path) != pathLength(index, size) {
				t.Fatalf("leaf %d of %d: %d hashes, want %d", index, size, len(path), len(want))
			}
			if got := pathRoot(index, size, hashes[index], path); got != whole {
				t.Fatalf("leaf %d of %d leads to %v, want %v", index, size, got, whole)
			}
			for wrong := range path {
				path[wrong][0] ^= 1
				if pathRoot(index, size, hashes[index], path) == whole {
					t.Fatalf("leaf %d of %d: hash %d does not count", index, size, wrong)
				}
				path[wrong][0] ^= 1
			}
		}
	}
}

// messagePath returns the audit path of a message from all leaves of its block.
func messagePath(leaves []core.Leaf, position int) []core.Hash {
	from := position / pieceLeaves * pieceLeaves
	return pathOf(leaves[from:min(len(leaves), from+pieceLeaves)], position, pieceRoots(leaves))
}

// A block's path is the same whether its leaves are hashed in one piece or in several, at the edges of the
// pieces too.
func TestMessagePath(t *testing.T) {
	leaves := make([]core.Leaf, 5*pieceLeaves+3)
	hashes := make([]core.Hash, len(leaves))
	for i := range leaves {
		leaves[i].ID = core.Hash{byte(i), byte(i >> 8)}
		hashes[i] = leafHash(&leaves[i])
	}
	for _, count := range []int{1, 2, 3, pieceLeaves - 1, pieceLeaves, pieceLeaves + 1, 2 * pieceLeaves, 4*pieceLeaves + 1, 5*pieceLeaves + 3} {
		for _, position := range []int{0, 1, count / 2, pieceLeaves - 1, pieceLeaves, 4 * pieceLeaves, count - 1} {
			if position >= count {
				continue
			}
			if got, want := messagePath(leaves[:count], position), plainPath(position, hashes[:count]); !slices.Equal(got, want) {
				t.Errorf("message %d of %d: %v, want %v", position, count, got, want)
			}
		}
	}
}
