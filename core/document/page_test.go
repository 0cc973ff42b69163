package document_test

import (
	"strings"
	"testing"

	"p2pchain/core/coretest"
	"p2pchain/core/document"
)

// TestFormatsPage holds docs/formats.md to the limits of documents, each tried on both sides.
func TestFormatsPage(t *testing.T) {
	page := coretest.ReadPage(t, "../../docs/formats.md")
	const contentType, repository, largest = 127, 255, 1<<53 - 1
	page.Says("| `name` | string | 1 to %v bytes, no path | base name |", document.MaxName)
	page.Says("| `name` | string | 1 to %v bytes, no path | base name of the folder |", document.MaxName)
	page.Says("| `media_type` | string | 1 to %v bytes |", contentType)
	page.Says("| `repository` | string | 1 to %v bytes |", repository)
	page.Says("Numbers are whole and at most 2⁵³ − 1")
	page.Says("of at most %v KiB, where only", 16)

	text := func(n int) string { return strings.Repeat("a", n) }
	file := func(name, size, media int) error {
		f := document.File{Name: text(name), Size: uint64(size), MediaType: text(media)}
		return f.Validate()
	}
	commit := func(repository, tree int) error {
		c := document.Commit{Repository: text(repository), Commit: text(40), Tree: text(tree)}
		return c.Validate()
	}
	for what, tt := range map[string]struct{ in, out error }{
		"name":       {file(document.MaxName, 0, 1), file(document.MaxName+1, 0, 1)},
		"no name":    {file(1, 0, 1), file(0, 0, 1)},
		"size":       {file(1, largest, 1), file(1, largest+1, 1)},
		"media type": {file(1, 0, contentType), file(1, 0, contentType+1)},
		"repository": {commit(repository, 40), commit(repository+1, 40)},
		"tree":       {commit(1, 40), commit(1, 64)},
	} {
		if tt.in != nil || tt.out == nil {
			t.Errorf("%s: within the limit %v, beyond it %v", what, tt.in, tt.out)
		}
	}
	// 16 KiB, whatever is in them.
	for size, words := range map[int]string{16 << 10: "key name", 16<<10 + 1: "at most 16384"} {
		if _, err := document.Decode(document.FileType, []byte(text(size))); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
