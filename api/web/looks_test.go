package web

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
)

// views are how a page is looked at: each on a desk, those with the widest things on a phone, too.
func views(path string) []browsertest.View {
	list := []browsertest.View{{Width: 1440, Height: 900}}
	if path == "/" || path == "/ui/peers" || strings.HasPrefix(path, "/ui/messages/") {
		list = append(list, browsertest.View{Width: 390, Height: 800, Dark: true, Language: "de-DE"})
	}
	return list
}

// TestBrowserLooks opens every page in a real browser in several sizes, keeps pictures of them, and holds that
// nothing is wider than the window, that nothing is loaded from elsewhere and that nobody complains.
func TestBrowserLooks(t *testing.T) {
	b := browsertest.Start(t)
	server := httptest.NewServer(newSite(t, &fakeSource{payload: text("The minutes of 12 November, as agreed by all who were there."), media: "text/plain"}))
	t.Cleanup(server.Close)
	for _, path := range paths() {
		for _, v := range views(path) {
			tab := b.Open(t, server.URL+path, v)
			if wide := browsertest.Eval[int](tab, `document.documentElement.scrollWidth`); int64(wide) > v.Width {
				t.Errorf("%s is %d wide in a window of %d", path, wide, v.Width)
			}
			name := strings.NewReplacer("/", "-", "?", "-", "=", "").Replace(strings.Trim(path, "/"))
			tab.Screenshot(fmt.Sprintf("web-%.20s-%d.png", name, v.Width))
			for _, r := range tab.Requests() {
				if !strings.HasPrefix(r, server.URL+"/") {
					t.Errorf("%s asked for %s", path, r)
				}
			}
			for _, c := range tab.Complaints() {
				if !strings.Contains(c, "/api/v1/events") && !strings.Contains(c, "404") { // there is no API behind these pages
					t.Errorf("%s: %s", path, c)
				}
			}
		}
	}
}
