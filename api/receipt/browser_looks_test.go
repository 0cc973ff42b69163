package receipt_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"p2pchain/api/browsertest"
)

// hostile holds that a browser runs and makes nothing of a payload.
func hostile(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	const count = `document.querySelectorAll("*").length`
	want := browsertest.Eval[int](tab, count)
	for payload, shown := range hostilePayloads() {
		if shown == "" {
			shown = payload
		}
		p := proofOf(t, "", payload).Encode()
		title := browsertest.Eval[string](tab, `(show(`+decoded(p)+`, ""), document.title)`)
		if got := browsertest.Eval[int](tab, count); got != want || title != "Receipt of a message · p2pchain" {
			t.Errorf("%.40q makes a page %q of %d elements, want %d", payload, title, got, want)
		}
		if got := tab.Text("#payload"); got != shown {
			t.Errorf("%.40q is shown as %.80q", payload, got)
		}
		if browsertest.Eval[bool](tab, `document.documentElement.scrollWidth > innerWidth`) {
			t.Errorf("%.40q makes the page wider than its window", payload)
		}
	}
	all := strings.Join(slices.Sorted(func(yield func(string) bool) {
		for payload := range hostilePayloads() {
			if len(payload) < 200 && !yield(payload) {
				return
			}
		}
	}), "\n")
	own := open(t, b, write(t, proofOf(t, "<b>text</b>", all)), browsertest.View{Width: 390, Height: 800})
	if got := own.Text("title"); got != "Receipt of a message · p2pchain" || browsertest.Eval[int](own, count) != want {
		t.Errorf("the receipt of hostile texts, %q, has %d elements, want %d", got, browsertest.Eval[int](own, count), want)
	}
	own.Screenshot("receipt/hostile.png")
}

func german(t *testing.T, b *browsertest.Browser) {
	v := desk()
	v.Language = "de-AT"
	tab := open(t, b, write(t, proofOf(t, "", minutes)), v)
	if got := tab.Text("#verdict"); got != "Der Beweis ist in sich stimmig; er hängt an keiner Kette, die Sie kennen." {
		t.Errorf("verdict = %q", got)
	}
	tab.Screenshot("receipt/german.png")
	const left = `[...document.querySelectorAll("[data-text], #proven li, #claimed li, #unproven li, #facts dt, #steps li")].map((e) => e.textContent)`
	inGerman := browsertest.Eval[[]string](tab, left)
	tab.Do(chromedp.Click(chromedp.CSS("#language")))
	inEnglish := browsertest.Eval[[]string](tab, left)
	for i := range inGerman {
		if inGerman[i] == inEnglish[i] && inGerman[i] != "Block 5" {
			t.Errorf("%q is the same in both languages", inGerman[i])
		}
	}
	if got := browsertest.Eval[string](tab, `document.documentElement.lang`) + tab.Text("#verdict"); got != "enThe proof holds together; it is tied to no chain that you know." {
		t.Errorf("after the switch: %s", got)
	}
}

// noScript holds that the page can be read without scripts, says what it lacks and offers nothing that
// does not work.
func noScript(t *testing.T, b *browsertest.Browser) {
	v := desk()
	v.NoScript = true
	tab := open(t, b, write(t, proofOf(t, "", minutes)), v)
	if got := tab.Text("#verdict"); !strings.Contains(got, "Your browser has not checked it: that needs JavaScript") {
		t.Errorf("verdict = %q", got)
	}
	if browsertest.Eval[bool](tab, `[...document.querySelectorAll("button, input, textarea, #steps")].some((e) => e.offsetParent)`) {
		t.Error("controls are shown that do nothing")
	}
	if !browsertest.Eval[bool](tab, `["facts", "payload", "proven", "claimed", "unproven"].every((id) => document.getElementById(id).offsetParent)`) {
		t.Error("the statement is not shown")
	}
}

// contrasts returns the texts whose contrast is less than WCAG AA asks for.
const contrasts = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
	const light = (color) => rgb(color).slice(0, 3).reduce((sum, v, i) => { v /= 255;
		return sum + [0.2126, 0.7152, 0.0722][i] * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] === 255) return c; } return "Canvas"; };
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), poor = [];
	let seen = 0;
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement;
		if (!e.offsetParent || !walker.currentNode.textContent.trim()) continue;
		const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
		seen++;
		if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(walker.currentNode.textContent);
	}
	return seen > 50 ? poor : ["only " + seen + " texts"];
})()`

// looks keeps pictures for people, and holds what can be measured: nothing is wider than its window, and
// every text can be told from what is behind it.
func looks(t *testing.T, b *browsertest.Browser) {
	tab := openMinutes(t, b)
	for _, width := range []int64{1440, 1024, 390} {
		for _, dark := range []bool{false, true} {
			tab.Look(browsertest.View{Width: width, Height: 1000, Dark: dark})
			if got := browsertest.Eval[int](tab, `document.documentElement.scrollWidth`); got > int(width) {
				t.Errorf("at %d pixels the page is %d wide", width, got)
			}
			if poor := browsertest.Eval[[]string](tab, contrasts); len(poor) > 0 {
				t.Errorf("dark %v: too little contrast: %q", dark, poor)
			}
			tab.Screenshot(fmt.Sprintf("receipt/%d-dark-%v.png", width, dark))
		}
	}
	tab.Fill("#other-text", "{")
	tab.Do(chromedp.Click(chromedp.CSS("#other-check")))
	if poor := browsertest.Eval[[]string](tab, strings.Replace(contrasts, "seen > 50", "seen > 20", 1)); len(poor) > 0 {
		t.Errorf("failed: too little contrast: %q", poor)
	}
}

// paper holds that a receipt prints on one page, and one of a long payload on two at most.
func paper(t *testing.T, b *browsertest.Browser) {
	for _, tt := range []struct {
		name, payload string
		most          int
	}{
		{"short", minutes, 1},
		{"long", strings.Repeat("A line of a long text, which goes on and on, and has no end at all. ", 240), 2},
		{"lines", strings.Repeat("line\n", 3000), 2},
	} {
		tab := open(t, b, write(t, proofOf(t, "", tt.payload)), desk())
		pdf := tab.PDF("receipt/" + tt.name + ".pdf")
		if got := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); got < 1 || got > tt.most {
			t.Errorf("%s: %d pages, want at most %d", tt.name, got, tt.most)
		}
	}
}
