package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestQR reads the characters back into the modules that they show.
func TestQR(t *testing.T) {
	const text = "p2pchain1af5w6vtfo5yu7tybkdoeqjthqbh2sumikspglvjybbkhtjqapsx6pkb732jcpx3pbhjqccaeyaaaebygk5e3mmz734"
	q, err := qrCode(text)
	if err != nil {
		t.Fatal(err)
	}
	if q.code.Size > 33 { // version 4 holds 114 characters, if they are in upper case
		t.Errorf("%d modules wide for %d characters", q.code.Size, len(text))
	}
	for _, colours := range []bool{false, true} {
		var out bytes.Buffer
		if err := q.write(&out, colours); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != (q.code.Size+2*quietZone+1)/2 {
			t.Errorf("colours %v: %d lines", colours, len(lines))
		}
		for i, line := range lines {
			if colours {
				var ok bool
				if line, ok = strings.CutPrefix(line, "\x1b[30;107m"); !ok || !strings.HasSuffix(line, "\x1b[0m") {
					t.Fatalf("line %d has no colours: %q", i, line)
				}
				line = strings.TrimSuffix(line, "\x1b[0m")
			}
			for j, r := range []rune(line) {
				x, y := j-quietZone, 2*i-quietZone
				above, below := strings.ContainsRune("█▀", r), strings.ContainsRune("█▄", r)
				if !colours {
					above, below = !above, !below && 2*i+1 < q.code.Size+2*quietZone
				}
				if above != q.code.Black(x, y) || below != q.code.Black(x, y+1) {
					t.Fatalf("colours %v: %q at line %d, column %d", colours, r, i, j)
				}
			}
		}
	}
	if _, err := qrCode("p2pchain1" + strings.Repeat("a", 4300)); !errors.Is(err, errUsage) {
		t.Errorf("too long: %v", err)
	}
}
