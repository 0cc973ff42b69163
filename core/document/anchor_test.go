package document_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"reflect"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/document"
)

// anchorPayload must never change: such bytes are signed and sealed.
const anchorPayload = `{"log":"app.log","generation":"000102030405060708090a0b0c0d0e0f","sequence":2,"began":"first",` +
	`"length":7,"lines":2,"partial":1,"sha256":"ac6d59f3021d7a5d1c6c8ba2a2f8e8a2e5ab0a6e4f6d8d3c1c8c3a86e5c0b0ad","from":4,` +
	`"segment_sha256":"bc6d59f3021d7a5d1c6c8ba2a2f8e8a2e5ab0a6e4f6d8d3c1c8c3a86e5c0b0ad","time_ms":1763765472123,` +
	`"previous":"cc6d59f3021d7a5d1c6c8ba2a2f8e8a2e5ab0a6e4f6d8d3c1c8c3a86e5c0b0ad"}`

func parseHash(t testing.TB, text string) core.Hash {
	t.Helper()
	h, err := core.ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAnchorGolden(t *testing.T) {
	const rest = "c6d59f3021d7a5d1c6c8ba2a2f8e8a2e5ab0a6e4f6d8d3c1c8c3a86e5c0b0ad"
	want := &document.Anchor{
		Log: "app.log", Generation: document.Generation{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, Sequence: 2,
		Began: document.BeganFirst, Length: 7, Lines: 2, Partial: 1, SHA256: parseHash(t, "a"+rest), From: 4,
		Segment: parseHash(t, "b"+rest), TimeMS: 1763765472123, Previous: parseHash(t, "c"+rest),
	}
	if got := string(want.Encode()); got != anchorPayload {
		t.Errorf("it is encoded as\n%s, want\n%s", got, anchorPayload)
	}
	got, err := document.Decode(document.AnchorType, []byte(anchorPayload))
	if err != nil || !reflect.DeepEqual(got, document.Document(want)) {
		t.Errorf("Decode = %+v, %v, want %+v", got, err, want)
	}
	if got, want := want.Time().Format("2006-01-02T15:04:05.000Z"), "2025-11-21T22:51:12.123Z"; got != want {
		t.Errorf("Time = %s, want %s", got, want)
	}
}

func TestAnchorRefuses(t *testing.T) {
	empty := core.Hash(sha256.Sum256(nil)).String()
	for _, tt := range []struct{ name, old, new string }{
		{"a path", `app.log`, `var/app.log`},
		{"no generation", `000102030405060708090a0b0c0d0e0f`, ``},
		{"an upper-case generation", `0a0b`, `0A0b`},
		{"a long generation", `0e0f`, `0e0f00`},
		{"an unknown reason", `"began":"first"`, `"began":"other"`},
		{"sequence 0", `"sequence":2`, `"sequence":0`},
		{"first, and not from 0", `"sequence":2`, `"sequence":1`},
		{"too long", `"length":7`, `"length":9007199254740992`},
		{"from beyond its length", `"from":4`, `"from":8`},
		{"from 0, and another hash", `"from":4`, `"from":0`},
		{"nothing since, and a hash of something", `"from":4`, `"from":7`},
		{"more lines than bytes", `"lines":2`, `"lines":7`},
		{"no lines, and part of it in one", `"lines":2`, `"lines":0`},
		{"all is the unfinished line, and there are lines", `"partial":1`, `"partial":7`},
		{"an unfinished line longer than all", `"partial":1`, `"partial":8`},
		{"a time after all times", `1763765472123`, `253402300800000`},
		{"no link", `"cc6d59f3021d7a5d1c6c8ba2a2f8e8a2e5ab0a6e4f6d8d3c1c8c3a86e5c0b0ad"`, `"` + strings.Repeat("0", 64) + `"`},
		{"another order", `"lines":2,"partial":1`, `"partial":1,"lines":2`},
		{"white space", `,"length"`, `, "length"`},
		{"an unknown key", `,"length"`, `,"x":1,"length"`},
		{"more at the end", `}`, `}{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := strings.Replace(anchorPayload, tt.old, tt.new, 1)
			if payload == anchorPayload {
				t.Fatalf("%q is not in it", tt.old)
			}
			if d, err := document.Decode(document.AnchorType, []byte(payload)); !errors.Is(err, document.ErrMalformed) {
				t.Errorf("Decode = %v, %v, want ErrMalformed", d, err)
			}
		})
	}
	// The same with what it takes to be right, so that no case above is refused for another reason.
	heartbeat := strings.Replace(anchorPayload, `"from":4,"segment_sha256":"bc6d59f3021d7a5d1c6c8ba2a2f8e8a2e5ab0a6e4f6d8d3c1c8c3a86e5c0b0ad"`,
		`"from":7,"segment_sha256":"`+empty+`"`, 1)
	if _, err := document.Decode(document.AnchorType, []byte(heartbeat)); err != nil {
		t.Errorf("an anchor of a file that did not grow: %v", err)
	}
}

func FuzzAnchor(f *testing.F) {
	f.Add([]byte(anchorPayload))
	f.Add([]byte(strings.Replace(anchorPayload, `"began":"first"`, `"began":"rotated"`, 1)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := document.Decode(document.AnchorType, payload)
		if err != nil {
			if !errors.Is(err, document.ErrMalformed) {
				t.Errorf("an error without a class: %v", err)
			}
			return
		}
		if !bytes.Equal(d.Encode(), payload) || d.Validate() != nil {
			t.Errorf("%q is encoded again as %q", payload, d.Encode())
		}
		if strings.ContainsAny(d.String(), "\n\r\x1b") {
			t.Errorf("%q is more than a line", d.String())
		}
	})
}
