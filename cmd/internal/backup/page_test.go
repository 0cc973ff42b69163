package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"strings"
	"testing"

	"p2pchain/core/coretest"
)

var update = flag.Bool("update", false, "write the example of docs/formats.md anew")

// TestFormatsPage holds docs/formats.md to the files beside a chain file, for the block that the page shows.
func TestFormatsPage(t *testing.T) {
	page, w := coretest.ReadPage(t, "../../../docs/formats.md"), newWorld(t)
	hello, world := coretest.Message(t, w.n, coretest.Key(0), "hello"), coretest.Message(t, w.n, coretest.Key(1), "world")
	w.chain.set(w.n.GenesisBlock(), coretest.Next(t, w.n, coretest.Genesis(w.n), hello, world))
	w.run()
	sum := sha256.Sum256([]byte(w.read("test.chain")))
	if got := string(w.read("test.hash")); got != hex.EncodeToString(sum[:])+"\n" {
		t.Errorf("test.hash is %q", got)
	}
	page.Made("state", "```json\n"+strings.TrimSpace(string(w.read("test.chain.state")))+"\n```\n", *update)
}
