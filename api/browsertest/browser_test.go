package browsertest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"p2pchain/api/browsertest"
)

// TestBrowserTab holds that a tab sees what other tests rely on not seeing: requests and complaints, whatever
// kind they are of.
func TestBrowserTab(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	content := fmt.Sprintf(`<!doctype html><title>t</title><p id=p>text</p><a id=a download=name.txt href="data:text/plain,bytes">a</a>
		<input id=drop><img src="%[1]s/image"><script>
		fetch("%[1]s/fetched").catch(() => {});
		navigator.sendBeacon("%[1]s/beacon");
		console.error("a complaint");
		addEventListener("dragover", (e) => e.preventDefault());
		addEventListener("drop", (e) => { e.preventDefault(); window.dropped = e.dataTransfer.files[0].name; });
		window.done = true;
		throw new Error("thrown");</script>`, server.URL)
	if err := os.WriteFile(page, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	b := browsertest.Start(t)
	tab := b.Open(t, browsertest.FileURL(t, page), browsertest.View{Width: 390, Height: 800, Dark: true, Language: "de"})
	tab.Wait(`window.done`)
	if got := tab.Text("#p"); got != "text" {
		t.Errorf("text = %q", got)
	}
	for _, path := range []string{"/image", "/fetched", "/beacon"} {
		if !slices.Contains(tab.Requests(), server.URL+path) {
			t.Errorf("the request for %s was not seen: %q", path, tab.Requests())
		}
	}
	said := strings.Join(tab.Complaints(), "\n")
	for _, want := range []string{"a complaint", "thrown"} {
		if !strings.Contains(said, want) {
			t.Errorf("complaints %q lack %q", said, want)
		}
	}
	if got := browsertest.Eval[string](tab, `navigator.language + matchMedia("(prefers-color-scheme: dark)").matches + innerWidth`); !strings.HasPrefix(got, "detrue") {
		t.Errorf("the page sees %q", got)
	}
	tab.Drop("#drop", page)
	tab.Wait(`window.dropped === "page.html"`)
	if name, got := tab.Download("#a"); name != "name.txt" || string(got) != "bytes" {
		t.Errorf("downloaded %q: %q", name, got)
	}
}

// TestBrowserBarriers holds that a page that people cannot use is found out, and says what each finding is about.
func TestBrowserBarriers(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	content := `<!doctype html><html lang=en><title>t</title><main><h1>t</h1><p style="color:#ccc;background:#fff">pale</p><input></main>`
	if err := os.WriteFile(page, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	tab := browsertest.Start(t).Open(t, browsertest.FileURL(t, page), browsertest.View{Width: 800, Height: 600})
	found := make(map[string]string)
	for _, b := range tab.Barriers() {
		found[b.Rule] = b.String()
	}
	if len(found) != 2 || !strings.Contains(found["color-contrast"], "1.6") || !strings.Contains(found["label"], "critical") {
		t.Errorf("found %q", found)
	}
}

// TestBrowserLoads holds that what a page loads is counted as it came over the line, data in the page not at all.
func TestBrowserLoads(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `<!doctype html><title>t</title><link rel=icon href="data:,"><img src="data:image/gif;base64,AA"><script src=/script></script>`)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Cache-Control", "max-age=1000, immutable")
		_, _ = io.WriteString(w, `window.done = "`+strings.Repeat("x", 50_000)+`"`)
	}))
	defer server.Close()
	b := browsertest.Start(t)
	for range 2 { // the second time, the script would be in the cache
		tab := b.Open(t, server.URL+"/", browsertest.View{Width: 800, Height: 600, New: true})
		tab.Wait(`window.done !== undefined`)
		loads := tab.Loads()
		if len(loads) != 2 || loads[0].Kind != "Document" || loads[1].Address != server.URL+"/script" || loads[1].Bytes < 50_000 {
			t.Errorf("loads %+v", loads)
		}
	}
}

// TestBrowserStill holds that pages can tell who asked for less motion, and that keys reach them.
func TestBrowserStill(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(page, []byte(`<!doctype html><title>t</title><a href=#one id=one>1</a><a href=#two id=two>2</a>`), 0o600); err != nil {
		t.Fatal(err)
	}
	b := browsertest.Start(t)
	for _, still := range []bool{true, false} {
		tab := b.Open(t, browsertest.FileURL(t, page), browsertest.View{Width: 800, Height: 600, Still: still})
		if got := browsertest.Eval[bool](tab, `matchMedia("(prefers-reduced-motion: reduce)").matches`); got != still {
			t.Errorf("still %v, the page sees %v", still, got)
		}
		tab.Press(kb.Tab + kb.Tab + kb.Enter)
		if got := browsertest.Eval[string](tab, `document.activeElement.id + location.hash`); got != "two#two" {
			t.Errorf("after two tabs and enter: %q", got)
		}
	}
}
