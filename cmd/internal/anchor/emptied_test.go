package anchor

import (
	"bytes"
	"testing"

	"p2pchain/core/document"
)

// A truncated file is copied and truncated as soon as its beginning has been read.
type truncated struct {
	old, new []byte
	reads    int
}

func (f *truncated) ReadAt(p []byte, off int64) (int, error) {
	text := f.old
	if f.reads++; f.reads > 1 {
		text = f.new
	}
	return bytes.NewReader(text).ReadAt(p, off)
}

// TestEmptiedWhileCompared holds that a log which is copied and truncated between two reads of one look is no log whose
// past was changed: nobody is to be alarmed.
func TestEmptiedWhileCompared(t *testing.T) {
	old := bytes.Repeat([]byte("an old line\n"), 3000)
	for name, new := range map[string][]byte{
		"empty": nil, "a line": []byte("a new line\n"), "outgrown": bytes.Repeat([]byte("a new line, longer\n"), 3000),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSum()
			s.write(old)
			got, err := s.differs(&truncated{old: old, new: new}, int64(len(old)))
			if err != nil || got != document.BeganReplaced {
				t.Errorf("differs = %q, %v, want %q", got, err, document.BeganReplaced)
			}
		})
	}
}
