package browsertest

import (
	_ "embed" // for axe
	"fmt"
	"strings"
)

//go:embed testdata/axe/axe.min.js
var axe string

// A Barrier is something on a page that keeps people from using it.
type Barrier struct {
	Rule   string // axe's name of it
	Impact string // minor, moderate, serious or critical
	Help   string
	Places []string // selectors of what it is about, each with what axe measured there
}

func (b Barrier) String() string {
	return fmt.Sprintf("%s: %s (%s)\n\t%s", b.Impact, b.Help, b.Rule, strings.Join(b.Places, "\n\t"))
}

// Barriers returns what axe finds on the page as it is now: all rules of WCAG 2.2 AA, and what is seen as good
// practice beyond it.
func (tab *Tab) Barriers() []Barrier {
	tab.t.Helper()
	if !Eval[bool](tab, `typeof axe === "object"`) {
		Eval[bool](tab, axe+`; true`)
	}
	// Elements that are still being moved in are faint for a moment, which is not what is asked.
	Eval[bool](tab, `Promise.allSettled(document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity).map((a) => a.finished)).then(() => true)`)
	return Eval[[]Barrier](tab, `axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
		resultTypes: ["violations"],
	}).then((r) => r.violations.map((v) => ({
		Rule: v.id, Impact: v.impact, Help: v.help,
		Places: v.nodes.map((n) => n.target.join(" ") + ": " + [...n.any, ...n.all, ...n.none].map((c) => c.message).join("; ")),
	})))`)
}
