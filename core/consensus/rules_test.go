package consensus_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// A ruleCase is something that keeps a rule or breaks it.
type ruleCase struct {
	rule   error // the rule that it is about
	breaks bool
	name   string
	judge  func(t *testing.T) error
}

func keeps(rule error, name string, judge func(t *testing.T) error) ruleCase {
	return ruleCase{rule, false, name, judge}
}

func breaks(rule error, name string, judge func(t *testing.T) error) ruleCase {
	return ruleCase{rule, true, name, judge}
}

// A meaning is what follows from a sentinel.
type meaning struct {
	sentinel error
	class    consensus.Class
	condemns bool
}

// meanings lists every sentinel of the package, and the two of core that a block may break.
func meanings() map[string]meaning {
	broken, undecided := consensus.Broken, consensus.Undecided
	return map[string]meaning{
		"ErrHeight":             {consensus.ErrHeight, broken, true},
		"ErrPrevious":           {consensus.ErrPrevious, broken, true},
		"ErrBits":               {consensus.ErrBits, broken, true},
		"ErrHashAboveTarget":    {consensus.ErrHashAboveTarget, broken, true},
		"ErrTimeNotAfterParent": {consensus.ErrTimeNotAfterParent, broken, true},
		"ErrTimeRange":          {consensus.ErrTimeRange, broken, true},
		"ErrBusy":               {consensus.ErrBusy, broken, true},
		"ErrWork":               {consensus.ErrWork, broken, true},
		"ErrMessageCount":       {consensus.ErrMessageCount, broken, true},
		"ErrNonce":              {consensus.ErrNonce, broken, true},
		"ErrHistoryRoot":        {consensus.ErrHistoryRoot, broken, true},
		"ErrBlockSize":          {consensus.ErrBlockSize, broken, true},
		"ErrPayloadSize":        {consensus.ErrPayloadSize, broken, true},
		"ErrAuthor":             {consensus.ErrAuthor, broken, true},
		"ErrStamp":              {consensus.ErrStamp, broken, true},
		"ErrSignature":          {consensus.ErrSignature, broken, true},
		"ErrDuplicate":          {consensus.ErrDuplicate, broken, true},
		"ErrMessageRoot":        {consensus.ErrMessageRoot, broken, false},
		"ErrMessageID":          {consensus.ErrMessageID, broken, false},
		"ErrParentUnknown":      {consensus.ErrParentUnknown, undecided, false},
		"ErrTimeInFuture":       {consensus.ErrTimeInFuture, undecided, false},
		"ErrBodyMissing":        {consensus.ErrBodyMissing, undecided, false},
		"core.ErrMalformed":     {core.ErrMalformed, broken, false},
		"core.ErrBodyMismatch":  {core.ErrBodyMismatch, broken, false},
	}
}

func allCases() []ruleCase {
	return slices.Concat(headerCases(), messageCases(), blockCases(), undecidedCases())
}

func TestRules(t *testing.T) {
	for _, c := range allCases() {
		verb := "keeps"
		if c.breaks {
			verb = "breaks"
		}
		t.Run(fmt.Sprintf("%v/%s/%s", c.rule, verb, c.name), func(t *testing.T) {
			err := c.judge(t)
			if !c.breaks {
				if err != nil {
					t.Errorf("verdict %q, want none", err)
				}
				return
			}
			if !errors.Is(err, c.rule) {
				t.Fatalf("verdict %q, want %q", err, c.rule)
			}
			checkMeaning(t, err)
			checkMeaning(t, &consensus.RuleError{Rule: fmt.Errorf("wrapped: %w", err)})
		})
	}
}

// checkMeaning holds class and condemnation of an error against the one sentinel that it wraps.
func checkMeaning(t *testing.T, err error) {
	t.Helper()
	found := 0
	for name, m := range meanings() {
		if !errors.Is(err, m.sentinel) {
			continue
		}
		found++
		if got := consensus.ClassOf(err); got != m.class {
			t.Errorf("class of %s = %v, want %v", name, got, m.class)
		}
		if got := consensus.Condemns(err); got != m.condemns {
			t.Errorf("Condemns(%s) = %v, want %v", name, got, m.condemns)
		}
	}
	if found != 1 {
		t.Errorf("%q wraps %d sentinels, want 1", err, found)
	}
}

func TestClassOfOthers(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want consensus.Class
	}{
		{nil, 0},
		{errors.New("disk on fire"), consensus.Fault},
		{fmt.Errorf("reading: %w", os.ErrPermission), consensus.Fault},
	} {
		if got := consensus.ClassOf(tt.err); got != tt.want {
			t.Errorf("ClassOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
		if consensus.Condemns(tt.err) {
			t.Errorf("Condemns(%v)", tt.err)
		}
	}
}

// TestEverySentinelHasCases reads the package's source, so that no rule comes in without a case
// that keeps it and one that breaks it.
func TestEverySentinelHasCases(t *testing.T) {
	known := meanings()
	declared := append(declaredSentinels(t), "core.ErrMalformed", "core.ErrBodyMismatch")
	slices.Sort(declared)
	if listed := slices.Sorted(maps.Keys(known)); !slices.Equal(declared, listed) {
		t.Fatalf("declared: %v\nlisted:   %v", declared, listed)
	}
	kept, broken := map[error]int{}, map[error]int{}
	for _, c := range allCases() {
		if c.breaks {
			broken[c.rule]++
		} else {
			kept[c.rule]++
		}
	}
	for name, m := range known {
		if kept[m.sentinel] == 0 || broken[m.sentinel] == 0 {
			t.Errorf("%s has %d cases that keep it and %d that break it", name, kept[m.sentinel], broken[m.sentinel])
		}
	}
}

// declaredSentinels returns the names of all package variables that start with Err.
func declaredSentinels(t *testing.T) []string {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			names = append(names, sentinelsIn(decl)...)
		}
	}
	return names
}

func sentinelsIn(decl ast.Decl) (names []string) {
	group, ok := decl.(*ast.GenDecl)
	if !ok || group.Tok != token.VAR {
		return nil
	}
	for _, spec := range group.Specs {
		for _, name := range spec.(*ast.ValueSpec).Names {
			if strings.HasPrefix(name.Name, "Err") {
				names = append(names, name.Name)
			}
		}
	}
	return names
}
