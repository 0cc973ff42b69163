package document

import (
	"fmt"
	"strings"

	"p2pchain/core"
)

const (
	// MaxName is the longest name of a file or a directory in bytes, as most file systems have it.
	MaxName = 255
	// maxFileType is what RFC 6838 allows for the two parts of a media type together.
	maxFileType = 127
)

// A File is the record of a file whose content is not on the chain: what it was called, and the hash of
// what it held. The same content under another name is another record with the same hash.
type File struct {
	Name      string // base name, no path
	Size      uint64 // bytes
	MediaType string // of the content, by its author's judgement
	SHA256    core.Hash
}

// Type returns FileType.
func (f *File) Type() string { return FileType }

// Validate is that of Document.
func (f *File) Validate() error {
	if err := CheckName(f.Name); err != nil {
		return err
	}
	if err := checkNumber("size", f.Size); err != nil {
		return err
	}
	return checkMediaType(f.MediaType)
}

// Encode is that of Document.
func (f *File) Encode() []byte {
	var w writer
	w.text("name", f.Name)
	w.number("size", f.Size)
	w.text("media_type", f.MediaType)
	w.hash("sha256", f.SHA256)
	return w.close()
}

// String returns one line such as: file "report.pdf", 48213 bytes, application/pdf, SHA-256 9f86….
func (f *File) String() string {
	return fmt.Sprintf("file %q, %s, %s, SHA-256 %v", f.Name, sizeInWords(f.Size), f.MediaType, f.SHA256)
}

func decodeFile(payload []byte) (Document, error) {
	r := object(payload)
	f := &File{Name: r.text("name"), Size: r.number("size"), MediaType: r.text("media_type"), SHA256: r.hash("sha256")}
	return r.close(f)
}

// CheckName says whether a document may carry this name of a file or a directory: a base name, up to
// MaxName bytes of UTF-8, without characters that hide or reorder others. Errors wrap ErrMalformed.
func CheckName(name string) error {
	if err := checkText("name", name, MaxName); err != nil {
		return err
	}
	if name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		return fmt.Errorf("name is a path, not a base name: %w", ErrMalformed)
	}
	return nil
}

// checkMediaType bounds a media type; whether it is registered anywhere is nobody's business.
func checkMediaType(s string) error {
	if s == "" || len(s) > maxFileType {
		return fmt.Errorf("media_type has %d bytes, want 1 to %d: %w", len(s), maxFileType, ErrMalformed)
	}
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return fmt.Errorf("media_type holds %q: %w", c, ErrMalformed)
		}
	}
	return nil
}
