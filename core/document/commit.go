package document

import (
	"encoding/hex"
	"fmt"

	"p2pchain/core"
)

// maxRepository bounds what a repository is called, which may be a URL.
const maxRepository = 255

// A Commit is the record of a commit of git. Its ids are SHA-1 in most repositories, which is no evidence
// any more, so the record holds a hash of its own: that of the list of all of the commit's blobs, hashed
// by SHA-256 as git stores them, in the form of a Manifest.
type Commit struct {
	Repository string // a name or a URL
	Commit     string // 40 hex digits, or 64 in repositories of SHA-256
	Tree       string // of the same kind
	Files      uint64 // blobs
	Size       uint64 // bytes of all blobs together
	SHA256     core.Hash
}

// Type returns CommitType.
func (c *Commit) Type() string { return CommitType }

// Validate is that of Document.
func (c *Commit) Validate() error {
	if err := checkText("repository", c.Repository, maxRepository); err != nil {
		return err
	}
	if err := checkObject("commit", c.Commit); err != nil {
		return err
	}
	if err := checkObject("tree", c.Tree); err != nil {
		return err
	}
	if len(c.Commit) != len(c.Tree) {
		return fmt.Errorf("commit and tree have ids of different kinds: %w", ErrMalformed)
	}
	return checkTotals(c.Files, c.Size)
}

// Encode is that of Document.
func (c *Commit) Encode() []byte {
	var w writer
	w.text("repository", c.Repository)
	w.text("commit", c.Commit)
	w.text("tree", c.Tree)
	w.number("files", c.Files)
	w.number("size", c.Size)
	w.hash("manifest_sha256", c.SHA256)
	return w.close()
}

// String returns one line such as: commit 1234… of "tool", 12 files, 3 MiB, manifest's SHA-256 9f86….
func (c *Commit) String() string {
	return fmt.Sprintf("commit %s of %q, %s, %s, manifest's SHA-256 %v",
		c.Commit, c.Repository, filesInWords(c.Files), sizeInWords(c.Size), c.SHA256)
}

func decodeCommit(payload []byte) (Document, error) {
	r := object(payload)
	c := &Commit{Repository: r.text("repository"), Commit: r.text("commit"), Tree: r.text("tree"),
		Files: r.number("files"), Size: r.number("size"), SHA256: r.hash("manifest_sha256")}
	return r.close(c)
}

// checkObject judges the id of an object of git.
func checkObject(key, id string) error {
	if len(id) != 40 && len(id) != 64 {
		return fmt.Errorf("%s has %d digits, want 40 or 64: %w", key, len(id), ErrMalformed)
	}
	b, err := hex.DecodeString(id)
	if err != nil || hex.EncodeToString(b) != id {
		return fmt.Errorf("%s is not lower-case hex: %w", key, ErrMalformed)
	}
	return nil
}
