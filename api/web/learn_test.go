package web

import (
	"io"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// TestLesson holds that the examples of every language are chains by all rules, and that the texts say what is so.
func TestLesson(t *testing.T) {
	s := newSite(t, &fakeSource{})
	for lang, lesson := range s.lessons {
		l, err := lesson()
		if err != nil {
			t.Fatal(err)
		}
		for name, e := range map[string]example{"ours": l.Ours, "classic": l.Classic} {
			parent, history := e.net.Header, core.Frontier{}.Append(e.net.Genesis)
			for i, b := range e.chain {
				if err := consensus.CheckHeader(e.net, &parent, parent.Hash(), history, &b.Header); err != nil {
					t.Errorf("%s, %s: block %d: %v", lang, name, i+1, err)
				}
				if err := consensus.CheckBlock(e.net, b); err != nil {
					t.Errorf("%s, %s: block %d: %v", lang, name, i+1, err)
				}
				if shown := e.Blocks[i]; shown.Hash != b.Header.Hash() || shown.ID != b.Messages[0].ID || shown.Before != b.Header.PreviousHash {
					t.Errorf("%s, %s: block %d is shown as %+v", lang, name, i+1, shown)
				}
				parent, history = b.Header, history.Append(b.Header.Hash())
			}
		}
		first := l.Ours.Blocks[0].Hash.String()
		if !strings.HasPrefix(first, "000") || len(l.Ours.chain) != 4 || len(l.Classic.chain) != 3 {
			t.Errorf("%s: %s, %d and %d blocks", lang, first, len(l.Ours.chain), len(l.Classic.chain))
		}
		if proof := l.Classic.Blocks[0]; proof.Proof != "None3969" || !strings.HasSuffix(proof.Sum.String(), "000") {
			t.Errorf("%s: the first classic proof is %s with %v", lang, proof.Proof, proof.Sum)
		}
		if f := l.Ours.Fields; f[0].Hex != "70326331" || f[len(f)-1].Offset != 144 {
			t.Errorf("%s: fields %+v", lang, f)
		}
	}
}

// TestLearnPage holds that the page can be read without scripts: hashes, bytes and times are on it.
func TestLearnPage(t *testing.T) {
	s := newSite(t, &fakeSource{})
	body, err := io.ReadAll(get(t, s, "/ui/learn?lang=de").Body)
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.lessons["de"]()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		l.Ours.Blocks[3].Hash.String()[48:], `SHA-256("None3969")`, l.Ours.Fields[3].Hex, "4,5 min", "1.099.511.627.776", "<noscript>",
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the page does not say %s", want)
		}
	}
}

func TestSpan(t *testing.T) {
	s := newSite(t, &fakeSource{})
	for _, tt := range []struct {
		lang    string
		seconds float64
		want    string
	}{
		{"en", 0.004096, "4 ms"}, {"en", 1.04, "1 second"}, {"en", 59.7, "1 min"}, {"de", 268.4, "4,5 min"}, {"en", 4294, "1.2 hours"},
		{"en", 1e6, "12 days"}, {"de", 1e12, "31.688 Jahre"}, {"en", 1e15, "over a million years"},
	} {
		if got := s.span(tt.lang, tt.seconds); got != tt.want {
			t.Errorf("%v s in %s: %q, want %q", tt.seconds, tt.lang, got, tt.want)
		}
	}
}
