package document

import (
	"fmt"

	"p2pchain/core"
)

// A Manifest is the record of a directory: the hash of a list that names each of its files with a hash.
// The list is what sha256sum prints and checks, one line a file, sorted by the bytes of the paths. It is
// not on the chain; who keeps it can prove each file alone.
type Manifest struct {
	Name   string // base name of the directory
	Files  uint64
	Size   uint64    // bytes of all files together
	SHA256 core.Hash // of the list
}

// Type returns ManifestType.
func (m *Manifest) Type() string { return ManifestType }

// Validate is that of Document.
func (m *Manifest) Validate() error {
	if err := CheckName(m.Name); err != nil {
		return err
	}
	return checkTotals(m.Files, m.Size)
}

// Encode is that of Document.
func (m *Manifest) Encode() []byte {
	var w writer
	w.text("name", m.Name)
	w.number("files", m.Files)
	w.number("size", m.Size)
	w.hash("manifest_sha256", m.SHA256)
	return w.close()
}

// String returns one line such as: directory "photos", 12 files, 3 MiB, manifest's SHA-256 9f86….
func (m *Manifest) String() string {
	return fmt.Sprintf("directory %q, %s, %s, manifest's SHA-256 %v", m.Name, filesInWords(m.Files), sizeInWords(m.Size), m.SHA256)
}

func decodeManifest(payload []byte) (Document, error) {
	r := object(payload)
	m := &Manifest{Name: r.text("name"), Files: r.number("files"), Size: r.number("size"), SHA256: r.hash("manifest_sha256")}
	return r.close(m)
}

// checkTotals judges what a manifest counts.
func checkTotals(files, size uint64) error {
	if err := checkNumber("files", files); err != nil {
		return err
	}
	return checkNumber("size", size)
}
