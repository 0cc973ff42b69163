package document_test

import (
	"bytes"
	"errors"
	"testing"

	"p2pchain/core"
	"p2pchain/core/document"
)

func TestErase(t *testing.T) {
	target := core.Hash{1, 2, 3}
	want := &document.Erase{Target: target}
	got, err := document.Decode(document.EraseType, want.Encode())
	if err != nil || got.(*document.Erase).Target != target || !bytes.Equal(got.Encode(), target[:]) {
		t.Errorf("Decode = %v, %v", got, err)
	}
	for _, size := range []int{0, 31, 33, 64} {
		if _, err := document.Decode(document.EraseType, make([]byte, size)); !errors.Is(err, document.ErrMalformed) {
			t.Errorf("Decode of %d bytes = %v, want ErrMalformed", size, err)
		}
	}
}

func TestErased(t *testing.T) {
	body := func(size int) *core.Body { return &core.Body{Payload: make([]byte, size)} }
	for _, tt := range []struct {
		name  string
		media string
		body  *core.Body
		want  bool
	}{
		{"an erasure", document.EraseType, body(32), true},
		{"another type", document.FileType, body(32), false},
		{"no body", document.EraseType, nil, false},
		{"too short", document.EraseType, body(31), false},
		{"too long", document.EraseType, body(33), false},
	} {
		if _, got := document.Erased(&core.Message{Envelope: core.Envelope{MediaType: tt.media}, Body: tt.body}); got != tt.want {
			t.Errorf("%s: Erased = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// FuzzErase reads payloads of erasures, and nothing else.
func FuzzErase(f *testing.F) {
	f.Add(make([]byte, core.HashSize))
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := document.Decode(document.EraseType, payload)
		if (err == nil) != (len(payload) == core.HashSize) || err == nil && !bytes.Equal(d.Encode(), payload) {
			t.Errorf("Decode(%x) = %v, %v", payload, d, err)
		}
	})
}
