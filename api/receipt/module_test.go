package receipt_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"p2pchain/api/receipt"
)

// TestModule holds that the module exports nothing that it does not declare, and stays small.
func TestModule(t *testing.T) {
	b, err := receipt.Module()
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range []string{"hash", "ed25519", "proof", "record"} {
		text, err := os.ReadFile("script/" + name + ".js")
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	names := 0
	for _, list := range regexp.MustCompile(`(?s)export \{([^}]*)\}`).FindAllStringSubmatch(string(b), -1) {
		for _, name := range regexp.MustCompile(`\w+`).FindAllString(list[1], -1) {
			names++
			if !regexp.MustCompile(`(?m)^(?:(?:async )?function|class|const) ` + name + `\b`).MatchString(source.String()) {
				t.Errorf("%s is exported, and not declared", name)
			}
		}
	}
	if names < 30 || len(b) > 24<<10 {
		t.Errorf("%d names in %d bytes", names, len(b))
	}
}
