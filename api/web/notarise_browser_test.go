package web

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
)

// TestBrowserHashes drops files of sizes around the bounds of both ways to hash on the page, with and without the
// browser's own SHA-256.
func TestBrowserHashes(t *testing.T) {
	b := browsertest.Start(t)
	var none []byte
	url := proving(t, &fakeSource{payload: text("hello")}, &none)
	tab := b.Open(t, url+"/ui/notarise", browsertest.View{Width: 1440, Height: 1000})
	tab.Wait(`!document.querySelector("#zone").hidden`)
	dir := t.TempDir()
	for _, own := range []bool{false, true} {
		if own {
			browsertest.Eval[any](tab, `void Object.defineProperty(crypto, "subtle", {value: undefined})`)
		}
		for name, size := range map[string]int{"empty.txt": 0, "a b ü <i>.txt": 3, "small": 64, "pieces.bin": 4<<20 + 1, "large.bin": 32<<20 + 5} {
			path := filepath.Join(dir, name)
			content := []byte(strings.Repeat("p2pchain", size/8+1)[:size])
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			tab.Drop("#zone", path)
			tab.Wait(`document.querySelector("#name").value === ` + quoteJS(name) + ` && document.querySelector("#known").textContent !== ""`)
			if got := tab.Text("#digest"); got != hex.EncodeToString(sum[:]) {
				t.Errorf("%s, without the browser's own: %v: %s", name, own, got)
			}
			if got := tab.Text("#known"); !strings.HasPrefix(got, "Nobody has notarised") {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	for name, valid := range map[string]bool{"plain": true, "../x": false, "": false, "a\\b": false, "x\u202ey": false, strings.Repeat("ü", 128): false} {
		tab.Fill("#name", name)
		if got := browsertest.Eval[bool](tab, `document.querySelector("#name").checkValidity()`); got != valid {
			t.Errorf("the name %q may be: %v", name, got)
		}
	}
	if got := tab.Complaints(); len(got) > 0 {
		t.Errorf("%q", got)
	}
	pictures(t, b, url+"/ui/notarise", "notarise", `!document.querySelector("#zone").hidden`)
}

// quoteJS writes a text as a string of JavaScript.
func quoteJS(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
