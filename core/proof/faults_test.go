package proof

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page that verifiers are written from has every fault, with these words.
func TestPageHasEveryFault(t *testing.T) {
	page, err := os.ReadFile("../../docs/proof-format.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, k := range Faults() {
		if row := fmt.Sprintf("\n| `%s` | %s |\n", k.Code, k.Words); !strings.Contains(string(page), row) {
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
	for _, m := range regexp.MustCompile("\n\\| [0-9a-h.*]+ \\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		if !seen[m[1]] {
			t.Errorf("the page has a step for %q, which is no fault", m[1])
		}
	}
}
