package demo

import (
	"fmt"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
)

// TestBrowserDemo cuts the network on the page of the demo, sees two chains grow, heals it, and finds the reorg on
// the page of the forks of a node that went over.
func TestBrowserDemo(t *testing.T) {
	b := browsertest.Start(t)
	tr := run(t, 5)
	desk := browsertest.View{Width: 1440, Height: 1000}
	tab := b.Open(t, tr.URL()+"/", desk)
	click := func(selector string) {
		t.Helper()
		browsertest.Eval[any](tab, fmt.Sprintf(`document.querySelector(%q).click()`, selector))
	}
	tab.Wait(`document.querySelector("#verdict").classList.contains("good")`)
	click(`#stream input[value="2"]`)
	tr.until("some blocks", func(s State) bool { return agree(s, 4) && s.PerSecond == 2 })
	tab.Screenshot("demo-whole.png")

	click("#cut")
	tab.Wait(`document.querySelector(".graph .knife") !== null`)
	cut := tr.until("the cut", func(s State) bool { return s.Cut && isWhole(s) })
	tr.until("a chain on each side", func(s State) bool {
		small, large := s.Members[0], s.Members[4]
		return small.Tip != large.Tip && small.Height > cut.Members[0].Height+1 && large.Height > cut.Members[0].Height+3 && large.Height != small.Height
	})
	tab.Wait(`new Set(Array.from(document.querySelectorAll(".member"), (e) => e.className.match(/lane-\d/)[0])).size === 2`)
	tab.Screenshot("demo-cut.png")
	for _, v := range []browsertest.View{{Width: 390, Height: 800, Dark: true, Language: "de-DE"}, {Width: 1440, Height: 1000, Dark: true}, {Width: 390, Height: 800}} {
		other := b.Open(t, tr.URL()+"/", v)
		other.Wait(`document.querySelectorAll("#tree rect").length > 4`)
		if wide := browsertest.Eval[int](other, `document.documentElement.scrollWidth`); int64(wide) > v.Width {
			t.Errorf("the page is %d wide in a window of %d", wide, v.Width)
		}
		other.Screenshot(fmt.Sprintf("demo-cut-%d-%t.png", v.Width, v.Dark))
		for _, barrier := range other.Barriers() {
			t.Errorf("width %d, dark %t: %v", v.Width, v.Dark, barrier)
		}
		quiet(t, other, tr.URL())
	}

	click("#cut")
	healed := tr.until("all to agree", func(s State) bool { return !s.Cut && agree(s, 0) })
	tab.Wait(`document.querySelector("#verdict").classList.contains("good")`)
	tab.Screenshot("demo-healed.png")
	click(`[data-number="4"] [data-order=damage]`)
	click(`[data-number="2"] [data-order=power]`)
	tab.Wait(`document.querySelectorAll('[data-damage="4"] .steps li').length === 5`)
	tab.Wait(`document.querySelector('[data-number="2"] [data-order=power]').getAttribute("aria-pressed") === "true"`)
	tab.Screenshot("demo-damage.png")
	tab.Look(browsertest.View{Width: 390, Height: 800})
	tab.Screenshot("demo-damage-390.png")
	quiet(t, tab, tr.URL())

	for _, m := range healed.Members {
		if m.Reorg == nil || m.Reorg.Reverted < 2 {
			continue
		}
		forks := b.Open(t, m.URL+"/ui/forks", desk)
		want := fmt.Sprint(m.Reorg.Reverted)
		forks.Wait(fmt.Sprintf(`Array.from(document.querySelectorAll("tbody tr td.figure")).some((e) => e.textContent === %q)`, want))
		forks.Screenshot("demo-forks.png")
		return
	}
	t.Errorf("no node went over: %+v", healed.Members)
}

// quiet ends a test whose page asked another origin for something, or complained.
func quiet(t *testing.T, tab *browsertest.Tab, origin string) {
	t.Helper()
	for _, r := range tab.Requests() {
		if !strings.HasPrefix(r, origin+"/") {
			t.Errorf("the page asked for %s", r)
		}
	}
	if got := tab.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %q", got)
	}
}
