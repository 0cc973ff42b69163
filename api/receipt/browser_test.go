package receipt_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
)

// examples are the golden proofs that every verifier is held to.
const examples = "../../core/proof/testdata"

// TestBrowser opens receipts from file://, as somebody does who got one by mail, in one browser for all.
func TestBrowser(t *testing.T) {
	b := browsertest.Start(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *browsertest.Browser)
	}{
		{"Primitives", primitives}, {"Golden", golden}, {"Mutated", mutated}, {"Words", words}, {"Own proof", ownProof}, {"Served", served},
		{"Altered page", alteredPage}, {"Hostile", hostile}, {"Other proofs", otherProofs},
		{"Documents", documents}, {"Records", readsRecords}, {"Log", growingLog}, {"Manifest", manifest}, {"Anchor", anchors}, {"Save", saves},
		{"German", german}, {"No script", noScript}, {"Keyboard", keyboard}, {"Looks", looks}, {"Paper", paper},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, b) })
	}
}

// open opens a receipt in a tab which must, at the end, have asked for nothing but its own file and have
// complained about nothing.
func open(t *testing.T, b *browsertest.Browser, page []byte, v browsertest.View) *browsertest.Tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "receipt.html")
	if err := os.WriteFile(path, page, 0o600); err != nil {
		t.Fatal(err)
	}
	address := browsertest.FileURL(t, path)
	tab := b.Open(t, address, v)
	t.Cleanup(func() {
		for _, r := range tab.Requests() {
			if r != address && !strings.HasPrefix(r, "blob:") { // what is saved is a blob of the page's own
				t.Errorf("the page asked for %s", r)
			}
		}
		if got := tab.Complaints(); len(got) > 0 {
			t.Errorf("the browser complains: %q", got)
		}
	})
	return tab
}

func desk() browsertest.View { return browsertest.View{Width: 1440, Height: 1000} }

func openMinutes(t *testing.T, b *browsertest.Browser) *browsertest.Tab {
	t.Helper()
	return open(t, b, write(t, proofOf(t, "", minutes)), desk())
}

// javascript writes a value as an expression.
func javascript(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// put writes a file and returns its path.
func put(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
