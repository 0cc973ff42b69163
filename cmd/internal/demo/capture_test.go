package demo

import (
	"flag"
	"fmt"
	"image"
	"testing"
	"time"

	"p2pchain/api/browsertest"
)

// film is where TestBrowserCapture writes its film.
var film = flag.String("film", "", "`FILE` for a film of the demo (.gif): make capture")

// TestBrowserCapture films the demo's page: five nodes agree, the network is cut, two chains grow, it heals.
func TestBrowserCapture(t *testing.T) {
	if *film == "" {
		t.Skip("make capture films the demo")
	}
	const each = 400 * time.Millisecond
	b := browsertest.Start(t)
	tr := run(t, 5)
	tab := b.Open(t, tr.URL()+"/", browsertest.View{Width: 1000, Height: 720})
	var pictures []image.Image
	shoot := func(least int, until func() bool) {
		t.Helper()
		for i := 0; i < least || !until() && i < 60; i++ {
			pictures = append(pictures, tab.Picture())
			time.Sleep(each) // a film is of what happens meanwhile
		}
	}
	click := func(selector string) {
		browsertest.Eval[any](tab, fmt.Sprintf(`document.querySelector(%q).click()`, selector))
	}
	tab.Wait(`document.querySelector("#verdict").classList.contains("good")`)
	click(`#stream input[value="2"]`)
	tr.until("some blocks", func(s State) bool { return agree(s, 4) })
	shoot(8, func() bool { return true })
	click("#cut")
	shoot(16, func() bool {
		return browsertest.Eval[bool](tab, `new Set(Array.from(document.querySelectorAll(".member"), (e) => e.className.match(/lane-\d/)[0])).size === 2`)
	})
	click("#cut")
	shoot(14, func() bool {
		return browsertest.Eval[bool](tab, `document.querySelector("#verdict").classList.contains("good")`)
	})
	browsertest.WriteGIF(t, *film, pictures, each)
}
