package anchor_test

import (
	"errors"
	"strings"
	"testing"

	"p2pchain/cmd/internal/anchor"
	"p2pchain/core"
)

func TestChoice(t *testing.T) {
	p := newPlace(t)
	p.write("one\n")
	p.once()
	c := p.chain.collection()
	check := func(base string, choice anchor.Choice) error {
		_, err := c.Check(strings.NewReader("one\n"), 4, base, choice)
		return err
	}
	for _, base := range []string{"app.log", "app.log.1", "app.log-20261121", "app-2026-11-21.log"} {
		if err := check(base, anchor.Choice{}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
	for _, base := range []string{"app.logs", "app", "other.log", "happ.log", "app.txt"} {
		if err := check(base, anchor.Choice{}); !errors.Is(err, anchor.ErrNone) {
			t.Errorf("%s: %v, want ErrNone", base, err)
		}
		if err := check(base, anchor.Choice{Log: "app.log"}); err != nil {
			t.Errorf("%s as app.log: %v", base, err)
		}
	}
	if err := check("app.log", anchor.Choice{Author: &core.PublicKey{2}}); !errors.Is(err, anchor.ErrNone) {
		t.Errorf("by nobody: %v, want ErrNone", err)
	}
	if err := check("app.log", anchor.Choice{Generation: "zz"}); !errors.Is(err, anchor.ErrNone) {
		t.Errorf("of no generation: %v, want ErrNone", err)
	}
	c.Add(p.chain.payloads[0], core.Hash{7}, core.PublicKey{2}, anchor.Place{})
	if err := check("app.log", anchor.Choice{}); !errors.Is(err, anchor.ErrSeveral) {
		t.Errorf("by two: %v, want ErrSeveral", err)
	}
	if err := check("app.log", anchor.Choice{Author: &core.PublicKey{2}}); err != nil {
		t.Errorf("by one of two: %v", err)
	}
}
