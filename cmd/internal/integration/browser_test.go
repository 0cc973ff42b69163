//go:build linux

package integration

import (
	"fmt"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
)

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

// TestBrowserPages adds a message on the page of one node, and sees its block come on the page of another one.
func TestBrowserPages(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	one := lonely(t, "one")
	one.start()
	two := lonely(t, "two", one.joinFlag())
	two.start()
	two.eventually("the nodes know each other", func() error {
		if n, err := two.peers(); err != nil || n == 0 {
			return fmt.Errorf("%d peers, %v", n, err)
		}
		return nil
	})
	desk := browsertest.View{Width: 1440, Height: 1000}
	here, there := b.Open(t, one.url+"/", desk), b.Open(t, two.url+"/", desk)
	there.Wait(`document.querySelector("#peers").textContent === "1"`)
	here.Screenshot("pages-empty.png")
	const text = `<b>seen from "here"</b> \u202e`
	here.Fill("#text", text)
	browsertest.Eval[any](here, `document.querySelector("#add button").click()`)
	here.Wait(`document.querySelector("#added a") !== null`)
	there.Wait(`document.querySelectorAll("#blocks .card:not(.waits)").length >= 2`)
	here.Wait(`document.querySelector("#height").textContent !== "0" && document.querySelector("#waiting").textContent === "0"`)
	there.Screenshot("pages-overview.png")

	// The page of the message, on the other node.
	path := browsertest.Eval[string](here, `new URL(document.querySelector("#added a").href).pathname`)
	message := b.Open(t, two.url+path, desk)
	if got := message.Text(".payload"); got != text {
		t.Errorf("the page shows %q", got)
	}
	message.Wait(`document.querySelector(".badge").classList.contains("good")`)
	message.Screenshot("pages-message.png")
	for _, v := range []browsertest.View{{Width: 390, Height: 800, Dark: true, Language: "de-DE"}, {Width: 1024, Height: 800, NoScript: true}} {
		tab := b.Open(t, two.url+"/", v)
		tab.Screenshot(fmt.Sprintf("pages-overview-%d.png", v.Width))
		quiet(t, tab, two.url)
	}
	quiet(t, here, one.url)
	quiet(t, there, two.url)
	quiet(t, message, two.url)
}
