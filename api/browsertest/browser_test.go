package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
