package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"p2pchain/core"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// A matched document is one that a proof was found to be about.
type matched struct {
	File     string     `json:"file,omitempty"`
	Manifest string     `json:"manifest,omitempty"`
	Kind     string     `json:"kind"` // payload, file, manifest
	Listed   []string   `json:"listed,omitempty"`
	SHA256   *core.Hash `json:"sha256,omitempty"` // of the file
	Words    string     `json:"words"`
}

// matchDocument compares what the user has with what the message is about; nil where nothing was given.
func (o *verifyOptions) matchDocument(s *proof.Statement) (*matched, error) {
	if o.document == "" && o.manifest == "" {
		return nil, nil
	}
	m := s.Message
	if m.Body == nil {
		return nil, failed(errWeak, codeNoContent, "its content was erased or left out, so nothing can be compared with it")
	}
	d, err := document.Decode(m.MediaType, m.Body.Payload)
	if err != nil {
		d = nil // a payload like any other
	}
	switch d := d.(type) {
	case *document.Manifest:
		return o.matchListed(d.SHA256, d.String())
	case *document.Commit:
		return o.matchListed(d.SHA256, d.String())
	case *document.File:
		return o.matchFile(d)
	case *document.Anchor:
		return nil, usagef("the message anchors a growing log: compare that with p2pchain anchor verify")
	}
	return o.matchPayload(m.Body.Payload)
}

// matchFile compares a file with one that was notarised.
func (o *verifyOptions) matchFile(d *document.File) (*matched, error) {
	if o.manifest != "" {
		return nil, usagef("--manifest: the message notarises one file, not a directory")
	}
	sum, size, err := sumFile(o.document)
	if err != nil {
		return nil, usagef("--file: %w", err)
	}
	if sum != d.SHA256 || size != d.Size {
		return nil, failed(errOtherDocument, codeFileDiffers, "%s has %s and SHA-256 %v; notarised was %v", o.document, plural(size, "byte"), sum, d)
	}
	return &matched{File: o.document, Kind: "file", SHA256: &sum, Words: fmt.Sprintf("%s is the notarised %v", o.document, d)}, nil
}

// matchPayload compares a file with the content of the message.
func (o *verifyOptions) matchPayload(payload []byte) (*matched, error) {
	if o.manifest != "" {
		return nil, usagef("--manifest: the message notarises no directory")
	}
	f, err := os.Open(o.document)
	if err != nil {
		return nil, usagef("--file: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, int64(len(payload))+1))
	if err != nil {
		return nil, usagef("--file: %w", err)
	}
	if !bytes.Equal(content, payload) {
		return nil, failed(errOtherDocument, codeFileDiffers, "%s is not what the message says, byte for byte", o.document)
	}
	return &matched{File: o.document, Kind: "payload", Words: o.document + " is what the message says, byte for byte"}, nil
}

// matchListed compares a list with the one that was notarised, and a file with that list.
func (o *verifyOptions) matchListed(want core.Hash, what string) (*matched, error) {
	if o.manifest == "" {
		return nil, usagef("the message notarises a list of files (%s): give it as --manifest", what)
	}
	list, size, err := sumFile(o.manifest)
	if err != nil {
		return nil, usagef("--manifest: %w", err)
	}
	if list != want {
		return nil, failed(errOtherDocument, codeFileDiffers, "%s has %s and SHA-256 %v; notarised was %s", o.manifest, plural(size, "byte"), list, what)
	}
	out := &matched{Manifest: o.manifest, Kind: "manifest", Words: fmt.Sprintf("%s is the notarised list of %s", o.manifest, what)}
	if o.document == "" {
		return out, nil
	}
	sum, _, err := sumFile(o.document)
	if err != nil {
		return nil, usagef("--file: %w", err)
	}
	if out.Listed, err = listedAs(o.manifest, sum); err != nil {
		return nil, usagef("--manifest: %w", err)
	}
	if len(out.Listed) == 0 {
		return nil, failed(errOtherDocument, codeNotInManifest, "%s has SHA-256 %v, which no file of %s has", o.document, sum, o.manifest)
	}
	out.File, out.SHA256 = o.document, &sum
	out.Words += fmt.Sprintf(", and %s is in it as %s", o.document, strings.Join(out.Listed, ", "))
	return out, nil
}

// sumFile returns SHA-256 and size of a file.
func sumFile(path string) (sum core.Hash, size uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	h.Sum(sum[:0])
	return sum, uint64(n), err
}

// mostListed is how many names of one content are told.
const mostListed = 10

// listedAs returns the names under which a list of sha256sum has a hash. Names that need it are escaped
// there, and stay so.
func listedAs(path string, sum core.Hash) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	want := hex.EncodeToString(sum[:])
	for r := bufio.NewReader(f); len(names) < mostListed; {
		line, err := r.ReadString('\n')
		digits, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), `\`), " ")
		if digits == want && len(rest) > 1 { // a blank or an asterisk, then the name
			names = append(names, rest[1:])
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}
