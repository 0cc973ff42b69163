package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"p2pchain/api/evidence"
	"p2pchain/core"
)

var update = flag.Bool("update", false, "write the tables of docs/trust.md anew")

const trustPage = "../../../docs/trust.md"

// TestPage holds that the tables of the page are what the program computes.
func TestPage(t *testing.T) {
	if underRace {
		t.Skip("one goroutine, and too slow under the race detector")
	}
	page, err := os.ReadFile(trustPage)
	if err != nil {
		t.Fatal(err)
	}
	want, err := render(page)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := run(trustPage); err != nil {
			t.Fatal(err)
		}
		return
	}
	if bytes.Equal(page, want) {
		return
	}
	have := strings.Split(string(page), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(have) || have[i] != line {
			t.Fatalf("%s is stale (-update writes it), first in line %d: want\n%s", trustPage, i+1, line)
		}
	}
	t.Fatalf("%s is stale (-update writes it)", trustPage)
}

// TestSameCore holds that the page and the words about a proof speak of the same laptop core.
func TestSameCore(t *testing.T) {
	page, err := os.ReadFile(trustPage)
	if err != nil {
		t.Fatal(err)
	}
	a, err := readAssumptions(page)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.machines[0].rate; got != evidence.HashRate {
		t.Errorf("%s does %v, p2pchain verify assumes %v", a.machines[0].name, got, evidence.HashRate)
	}
	main, _ := core.Builtin("main")
	if a.digits != main.Difficulty || a.interval*1000 != float64(main.BlockIntervalMS) {
		t.Errorf("difficulty %d and T = %v s are not those of main", a.digits, a.interval)
	}
}

// smallPage has the input tables and an empty section for each other table but one.
func smallPage(without string) string {
	var b strings.Builder
	b.WriteString(mark(inputMark+"machines") + "| m | r | $ | f |\n|---|---|---|---|\n| core | 1e6 | 0.5 | |\n" + endMark + "\n")
	b.WriteString(mark(inputMark+"network") + "| f | v |\n|---|---|\n| n | 5 |\n| t | 1 |\n| T | 5000 |\n| d | 6 |\n" + endMark + "\n")
	for name := range allTables(new(assumptions)) {
		if name != without {
			b.WriteString(mark(name) + endMark + "\n")
		}
	}
	return b.String()
}

// TestBadPages holds that a page with a table that is missing, unknown or unreadable is refused, and
// before anything is computed.
func TestBadPages(t *testing.T) {
	for _, tt := range []struct {
		name, page, want string
	}{
		{"no machines", "", "input: machines"},
		{"a rate that is no number", strings.Replace(smallPage(""), "1e6", "fast", 1), "rate of core"},
		{"a rent below 0", strings.Replace(smallPage(""), "0.5", "-1", 1), "rent of core"},
		{"a missing column", strings.Replace(smallPage(""), "| core |", "| ", 1), "3 columns"},
		{"no node", strings.Replace(smallPage(""), "| n | 5 |", "| n | 0 |", 1), `"0"`},
		{"a table too few", smallPage("anchor"), "<!-- anchor -->"},
		{"a table twice", smallPage("") + mark("anchor") + endMark, "stands twice"},
		{"a table that nobody writes", smallPage("") + mark("other") + endMark, "names no table"},
		{"a table without an end", smallPage("anchor") + mark("anchor"), "no \"<!-- end -->\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := readAssumptions([]byte(tt.page))
			if err == nil {
				_, err = fill([]byte(tt.page), noTables(a))
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// noTables has the names of all tables, and nothing to compute.
func noTables(a *assumptions) map[string]func() string {
	out := make(map[string]func() string)
	for name := range allTables(a) {
		out[name] = func() string { return "" }
	}
	return out
}
