package proof

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"p2pchain/core"
)

// The page that verifiers are written from has every fault, with these words.
func TestPageHasEveryFault(t *testing.T) {
	page := readPage(t)
	seen := make(map[string]bool)
	for _, k := range Faults() {
		if row := fmt.Sprintf("\n| `%s` | %s |\n", k.Code, k.Words); !strings.Contains(page, row) {
			t.Errorf("the page lacks the row %s", row)
		}
		if seen[k.Code] || !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(k.Code) {
			t.Errorf("code %q", k.Code)
		}
		seen[k.Code] = true
		if bad := fault("tip", k.Code, "7 of %d", 8); bad.Words() != k.Words || bad.Class != k.Class || bad.Error() != "tip: "+k.Words+" (7 of 8)" {
			t.Errorf("fault of %s = %v", k.Code, bad)
		}
	}
	for _, m := range regexp.MustCompile("\n\\| [0-9a-h.*]+ \\| `([a-z_]+)` \\|").FindAllStringSubmatch(page, -1) {
		if !seen[m[1]] {
			t.Errorf("the page has a step for %q, which is no fault", m[1])
		}
	}
}

// The values that the page gives for an example are those of the example.
func TestPageHasTheExample(t *testing.T) {
	page := readPage(t)
	p := newScene(t).proof()
	n, err := core.NewNetwork(p.Params)
	if err != nil {
		t.Fatal(err)
	}
	leaf := p.Message.Leaf()
	bits := []core.Bits{p.Block.Bits, 0x1d00ffff, 0x03123456, 0x02008000, 0x01120000, 0x21000fff, 0x01000001, 0x1f80ffff, 0x22010000}
	rows := []string{
		row("params_hash", p.Params.Hash()),
		row("genesis", n.Genesis),
		row("FLOOR", n.Floor),
		row("id", p.Message.ID),
		row("H(0x00 ‖ id ‖ signature)", leafHash(&leaf)),
		row("H(block)", p.Block.Hash()),
		row("H(seen)", p.Seen.Header.Hash()),
		row("H(0x00 ‖ H(seen))", leafOf(p.Seen.Header.Hash())),
		row("H(next)", p.Next.Header.Hash()),
		row("H(tip)", p.Tip.Hash()),
	}
	for _, b := range bits {
		rows = append(rows, bitsRow(b))
	}
	for _, r := range rows {
		if !strings.Contains(page, "\n"+r+"\n") {
			t.Errorf("the page lacks the row\n%s", r)
		}
	}
}

func row(name string, value fmt.Stringer) string { return fmt.Sprintf("| `%s` | `%v` |", name, value) }

func leafOf(h core.Hash) core.Hash { return core.LeafHash(h[:]) }

// bitsRow says what compact bits stand for.
func bitsRow(b core.Bits) string {
	target, err := b.Target()
	if err != nil {
		return fmt.Sprintf("| `%08x` | not in form | |", uint32(b))
	}
	own, err := target.Work()
	if err != nil {
		return fmt.Sprintf("| `%08x` | `%s` | over 128 bits |", uint32(b), short(target))
	}
	return fmt.Sprintf("| `%08x` | `%s` | %v |", uint32(b), short(target), own)
}

// short is hex without zeros in front.
func short(t core.Target) string {
	b := t.Bytes()
	return strings.TrimLeft(hex.EncodeToString(b[:]), "0")
}

func readPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/proof-format.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
