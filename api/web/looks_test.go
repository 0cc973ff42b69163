package web

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"p2pchain/api/browsertest"
)

// widths are of windows on a desk, on a lap and in a hand.
func widths() []int64 { return []int64{1440, 1024, 390} }

// looked serves the pages of a small chain.
func looked(t *testing.T, source *fakeSource) string {
	t.Helper()
	server := httptest.NewServer(newSite(t, source))
	t.Cleanup(server.Close)
	return server.URL
}

// plain is a chain whose messages say something.
func plain() *fakeSource {
	return &fakeSource{payload: text("The minutes of 12 November, as agreed by all who were there."), media: "text/plain"}
}

// TestBrowserLooks opens every page in a real browser, in every language, in several sizes, light and dark: nothing
// is wider than the window, nothing keeps anybody from using it, nothing is loaded from elsewhere, and nobody
// complains. Pictures of all that are kept, to be looked at.
func TestBrowserLooks(t *testing.T) {
	url := looked(t, plain())
	for _, lang := range []string{"en-US", "de-DE"} {
		t.Run(lang, func(t *testing.T) {
			b := browsertest.Start(t)
			for _, path := range paths() {
				tab := b.Open(t, url+path, browsertest.View{Width: 1440, Height: 900, Language: lang})
				lookAround(t, tab, path, lang)
				ownOnly(t, tab, url, path)
				tab.Close()
			}
		})
	}
}

// TestBrowserEmpty looks at the pages of a node to which nothing has happened yet.
func TestBrowserEmpty(t *testing.T) {
	b := browsertest.Start(t)
	url := looked(t, &fakeSource{empty: true})
	for _, path := range []string{"/", "/ui/messages"} {
		tab := b.Open(t, url+path, browsertest.View{Width: 1440, Height: 900})
		lookAround(t, tab, path, "empty")
	}
}

// lookAround looks at a page in every size, light and dark.
func lookAround(t *testing.T, tab *browsertest.Tab, path, kind string) {
	t.Helper()
	name := strings.NewReplacer("/", "-", "?", "-", "=", "").Replace(strings.Trim(path, "/"))
	for _, dark := range []bool{false, true} {
		for _, width := range widths() {
			tab.Look(browsertest.View{Width: width, Height: 900, Dark: dark})
			if wide := browsertest.Eval[int64](tab, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("%s %s is %d wide in a window of %d", path, kind, wide, width)
			}
			if dark == (width < 1000) && width != 1024 { // light on a desk, dark in a hand: that is both of each
				for _, barrier := range tab.Barriers() {
					t.Errorf("%s %s, %d wide, dark %v: %v", path, kind, width, dark, barrier)
				}
			}
			if kind != "de-DE" || width == 390 {
				tab.Screenshot(fmt.Sprintf("web/%.24s-%s-%d-%s.png", name, kind[:2], width, map[bool]string{false: "light", true: "dark"}[dark]))
			}
		}
	}
}

// ownOnly holds that a page asked its own origin for all that it has, and that the browser does not complain.
func ownOnly(t *testing.T, tab *browsertest.Tab, url, path string) {
	t.Helper()
	for _, r := range tab.Requests() {
		if !strings.HasPrefix(r, url+"/") {
			t.Errorf("%s asked for %s", path, r)
		}
	}
	for _, c := range tab.Complaints() {
		if !strings.Contains(c, "/api/v1/events") && !strings.Contains(c, "404") { // there is no API behind these pages
			t.Errorf("%s: %s", path, c)
		}
	}
}

// focusable are the things that the tabulator reaches, in their order: of radio buttons that belong together, one.
const focusable = `Array.from(document.querySelectorAll("a[href], button, input, textarea, select, summary, [tabindex='0']"))
	.filter((e) => !e.disabled && e.checkVisibility() && !e.closest("[inert]")
		&& (e.type !== "radio" || e.checked || !document.querySelector("input[type=radio][name='" + e.name + "']:checked")))`

// focused says which of them has the focus, whether that is seen, and where.
const focused = `(() => {
	const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
	return {
		At: ` + focusable + `.indexOf(e),
		Name: e.tagName + " " + (e.textContent || e.getAttribute("aria-label") || e.id).trim().slice(0, 40),
		Marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
		Seen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
	};
})()`

// TestBrowserKeys walks through every page by the tabulator alone: it comes to all that can be used, in the order in
// which it is read, each is seen and marked while it has the focus, and at the end the walk leaves the page.
func TestBrowserKeys(t *testing.T) {
	b := browsertest.Start(t)
	url := looked(t, plain())
	for _, path := range paths() {
		tab := b.Open(t, url+path, browsertest.View{Width: 1024, Height: 800, Still: true})
		count := browsertest.Eval[int](tab, focusable+`.length`)
		for want := range count {
			tab.Press(kb.Tab)
			got := browsertest.Eval[struct {
				At           int
				Name         string
				Marked, Seen bool
			}](tab, focused)
			if got.At != want || !got.Marked || !got.Seen {
				t.Errorf("%s: after %d of %d tabs: %+v", path, want+1, count, got)
				break
			}
		}
		tab.Press(kb.Tab)
		if at := browsertest.Eval[string](tab, `document.activeElement.tagName`); at != "BODY" {
			t.Errorf("%s: the focus stays on %s", path, at)
		}
		tab.Close()
	}
}

// TestBrowserSkip holds that one key leads past what all pages have.
func TestBrowserSkip(t *testing.T) {
	b := browsertest.Start(t)
	tab := b.Open(t, looked(t, plain())+"/ui/blocks", browsertest.View{Width: 1024, Height: 800})
	tab.Press(kb.Tab + kb.Enter + kb.Tab)
	if !browsertest.Eval[bool](tab, `document.activeElement.closest("main") !== null`) {
		t.Errorf("the focus is on %s", browsertest.Eval[string](tab, `document.activeElement.outerHTML`))
	}
}

// moving lists what moves although less of that was asked for: rules of style sheets, and what moves just now.
const moving = `(() => {
	const out = document.getAnimations().map((a) => a.animationName ?? a.transitionProperty ?? "by a script");
	const walk = (rules) => {
		for (const rule of rules) {
			if (rule instanceof CSSMediaRule && !matchMedia(rule.conditionText).matches) {
				continue;
			}
			if (rule.cssRules) {
				walk(rule.cssRules);
			}
			const s = rule.style;
			if (s && ((s.animationName && s.animationName !== "none") || (s.transitionDuration && s.transitionDuration !== "0s") || s.scrollBehavior === "smooth")) {
				out.push(rule.cssText);
			}
		}
	};
	for (const sheet of document.styleSheets) {
		walk(sheet.cssRules);
	}
	return out;
})()`

// TestBrowserMotion holds that nothing moves on any page for those who asked for less of it, and that the test would
// see it.
func TestBrowserMotion(t *testing.T) {
	b := browsertest.Start(t)
	url := looked(t, plain())
	for _, path := range paths() {
		tab := b.Open(t, url+path, browsertest.View{Width: 1024, Height: 800, Still: true})
		if got := browsertest.Eval[[]string](tab, moving); len(got) > 0 {
			t.Errorf("%s moves: %q", path, got)
		}
		tab.Look(browsertest.View{Width: 1024, Height: 800})
		if got := browsertest.Eval[[]string](tab, moving); !slices.ContainsFunc(got, func(rule string) bool { return strings.Contains(rule, "smooth") }) {
			t.Errorf("%s: even those who did not ask get %q", path, got)
		}
		tab.Close()
	}
}
