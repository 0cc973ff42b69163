package evidence

import (
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/proof"
)

var update = flag.Bool("update", false, "write the golden file anew")

// statements returns what proofs of several kinds say. They are put together by hand: what is told of a
// proof that holds does not depend on how it came to hold.
func statements(t *testing.T) []told {
	n, classic := coretest.Network(t), coretest.Builtin(t, "classic")
	work := func(v uint64) core.Work { return core.NewWork(0, v) }
	m := coretest.Message(t, n, coretest.Key(1), "hello")
	bare := *m
	bare.Body = nil
	const at = 1_769_860_806_500 // 2026-01-31 12:00:06.500
	full := proof.Statement{
		Network: n, ID: m.ID, Message: m, Block: core.Header{Height: 42, MessageCount: 3, TimeMS: at}, BlockHash: core.Hash{42}, Position: 1,
		Seen: &proof.Bound{Hash: core.Hash{41}, Height: 41, TimeMS: at - 14_000}, Next: &proof.Bound{Hash: core.Hash{43}, Height: 43, TimeMS: at + 5_000},
		Tip: core.Header{Height: 48}, TipHash: core.Hash{48}, Confirmations: 6, ConfirmationsShown: 2,
		WorkClaimed: work(1 << 40), WorkShown: work(1 << 38), PowBinds: true,
	}
	fresh, nothing, free := full, full, full
	fresh.Next, fresh.Confirmations, fresh.ConfirmationsShown, fresh.WorkClaimed, fresh.WorkShown = nil, 0, 0, work(0), work(0)
	nothing.Seen, nothing.Message = nil, &bare
	free.Network, free.PowBinds, free.WorkShown = classic, false, work(0)
	first := full
	first.Seen = &proof.Bound{Hash: n.Genesis, TimeMS: n.Params.GenesisTimeMS}
	fake := full
	fake.Network = coretest.Builtin(t, "main", func(p *core.Params) { p.Difficulty = 1 })
	whole := proof.Weight{Confirmations: 6, Work: work(1 << 40)}
	return []told{
		{"unanchored", full, Trust{Weight: full.Shown()}},
		{"anchored at the last header, of the right network", full, Trust{Anchor: "the header that you trust", Weight: whole, Bounds: true, Network: true}},
		{"anchored at its own block", full, Trust{Anchor: "the header that you trust", Network: true}},
		{"no block on top", fresh, Trust{}},
		{"no block seen, no content", nothing, Trust{Weight: full.Shown()}},
		{"genesis seen", first, Trust{Weight: full.Shown()}},
		{"another network with the name of main", fake, Trust{Weight: fake.Shown()}},
		{"nothing seen, anchored at its own block", nothing, Trust{Anchor: "the header that you trust", Network: true}},
		{"classic", free, Trust{Weight: free.Shown()}},
		{"classic, anchored", free, Trust{Anchor: "the node at http://127.0.0.1:1", Weight: whole, Bounds: true, Network: true}},
	}
}

type told struct {
	name string
	s    proof.Statement
	t    Trust
}

// TestTell holds the words to a golden file, which has to be read: they must not say more than is proven.
func TestTell(t *testing.T) {
	var b strings.Builder
	for _, tt := range statements(t) {
		tt.t.HashRate = HashRate
		a := Tell(&tt.s, tt.t)
		fmt.Fprintf(&b, "# %s\n%s\n", tt.name, Written(&tt.s, tt.t))
		for _, s := range a.Proven {
			fmt.Fprintf(&b, "+ %s\n", s)
		}
		for _, s := range a.Claimed {
			fmt.Fprintf(&b, "~ %s\n", s)
		}
		for _, s := range a.Unproven {
			fmt.Fprintf(&b, "- %s\n", s)
		}
		b.WriteString("\n")
	}
	path := filepath.Join("testdata", "tell.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the words differ from %s (-update writes it):\n%s", path, b.String())
	}
}

// TestTellClaimsNothing holds the rules that no wording may break.
func TestTellClaimsNothing(t *testing.T) {
	for _, tt := range statements(t) {
		tt.t.HashRate = HashRate
		a := Tell(&tt.s, tt.t)
		proven, claimed, unproven := strings.Join(a.Proven, "\n"), strings.Join(a.Claimed, "\n"), strings.Join(a.Unproven, "\n")
		anchored := tt.t.Anchor != ""
		words := Written(&tt.s, tt.t)
		fake := tt.s.Network.Params.Name == "main"
		switch {
		case !anchored && tt.s.Confirmations > 2 && strings.Contains(proven, grouped(tt.s.WorkClaimed.String())):
			t.Errorf("%s: what is only claimed stands among what is proven: %s", tt.name, proven)
		case !anchored && !strings.Contains(unproven, "nothing ties the file to a chain"):
			t.Errorf("%s: it does not say that nothing ties it to a chain", tt.name)
		case !anchored && strings.Contains(proven, "block"):
			t.Errorf("%s: without an anchor something is proven of blocks: %s", tt.name, proven)
		case anchored && tt.t.Bounds && claimed != "":
			t.Errorf("%s: the anchor covers everything, and this is said to be a claim: %s", tt.name, claimed)
		case strings.HasPrefix(words, "written, by its own account, ") == anchored || strings.Count(words, "written") != 1:
			t.Errorf("%s: %s", tt.name, words)
		case anchored && !tt.t.Bounds && strings.Contains(words+proven, "43"):
			t.Errorf("%s: it states a bound that the anchor does not cover: %s", tt.name, words)
		case tt.s.Seen != nil && tt.s.Next != nil && strings.Contains(words, " and ") && !strings.Contains(words, "2026-01-31 "):
			t.Errorf("%s: it does not say of which day: %s", tt.name, words)
		case fake != strings.HasPrefix(unproven, "That this is main, the network of that name that is built in: it is not."):
			t.Errorf("%s: it does not say first that another network has that name: %s", tt.name, unproven)
		case !strings.Contains(unproven, "author's clock") || !strings.Contains(unproven, "a key is no person") || !strings.Contains(unproven, "miners' clocks"):
			t.Errorf("%s: it leaves out what no proof shows: %s", tt.name, unproven)
		case tt.s.Next != nil && !strings.Contains(proven+claimed, "2026-01-31 12:00:06.500 UTC; the next block, 43, confirms 2026-01-31 12:00:11.500 UTC"):
			t.Errorf("%s: it does not say both times: %s", tt.name, proven)
		case tt.s.Seen == nil && !strings.Contains(unproven, "Since when"):
			t.Errorf("%s: it does not say that there is no lower bound", tt.name)
		case !tt.t.Network && !strings.Contains(unproven, tt.s.Network.Genesis.String()):
			t.Errorf("%s: it does not say that the network is the file's own", tt.name)
		}
	}
}

func TestEffort(t *testing.T) {
	for _, tt := range []struct {
		work, want string
		rate       float64
	}{
		{"0", "0 hashes, 0 hours of one laptop core", 50e6},
		{"16", "16 hashes, less than 0.001 hours of one laptop core (0.00032 milliseconds)", 50e6},
		{"25000000", "25,000,000 hashes, less than 0.001 hours of one laptop core (500 milliseconds)", 50e6},
		{"1000000000", "1,000,000,000 hashes, 0.0056 hours of one laptop core (20 seconds)", 50e6},
		{"90000000000", "90,000,000,000 hashes, 0.5 hours of one laptop core (30 minutes)", 50e6},
		{"360000000000", "360,000,000,000 hashes, 2 hours of one laptop core", 50e6},
		{"36000000000000", "36,000,000,000,000 hashes, 200 hours of one laptop core (8.3 days)", 50e6},
		{"31557600000000000", "31,557,600,000,000,000 hashes, 175,320 hours of one laptop core (20 years)", 50e6},
		{"360000000000", "360,000,000,000 hashes, 5 hours of one laptop core", 20e6},
	} {
		n, ok := new(big.Int).SetString(tt.work, 10)
		if !ok {
			t.Fatal(tt.work)
		}
		var b [16]byte
		if got := Effort(core.DecodeWork([16]byte(n.FillBytes(b[:]))), tt.rate); got != tt.want {
			t.Errorf("Effort(%s) = %q\nwant %q", tt.work, got, tt.want)
		}
	}
	if got := Rate(HashRate); got != "50 million hashes a second" {
		t.Error(got)
	}
}
