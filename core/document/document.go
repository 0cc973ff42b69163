// Package document knows the few payloads that programs of this module write and read back: a file
// that is notarised by its hash, a directory, a commit, a growing log, a wish to be forgotten.
//
// To the chain they are payloads like any other; no rule of consensus looks into them. The set is
// closed, and each kind has a media type and exactly one spelling: compact JSON with its keys in the
// order of the type's fields (an erasure is the 32 bytes of an id). Decode refuses everything else, so
// encode(decode(x)) == x, and whoever shows a document shows all of what was signed. What a document
// says about itself, a name or a size, is its author's claim; only hashes can be checked.
//
// Everything here is pure: nothing reads a clock, a disk or a network.
package document

import (
	"errors"
	"fmt"

	"p2pchain/core"
)

// The media types of all kinds of documents.
const (
	FileType     = prefix + "file+json"
	ManifestType = prefix + "manifest+json"
	CommitType   = prefix + "commit+json"
)

const prefix = "application/vnd.p2pchain."

var (
	// ErrUnknown means that a media type is none of a document.
	ErrUnknown = errors.New("not the media type of a document")
	// ErrMalformed means that a payload is not the one spelling of a document of its media type, or
	// that a document holds what none may hold.
	ErrMalformed = errors.New("malformed document")
)

// A Document is one of the types of this package: *File, *Manifest, *Commit, ….
type Document interface {
	// Type is the media type of the message that carries the document.
	Type() string
	// Validate returns an error that wraps ErrMalformed and says which field cannot be encoded.
	Validate() error
	// Encode returns the payload of a valid document.
	Encode() []byte
	// String says in one line for people what it is.
	String() string
}

// Decode reads the payload of a message; errors wrap ErrUnknown or ErrMalformed.
func Decode(mediaType string, payload []byte) (Document, error) {
	switch mediaType { // one line a kind
	case FileType:
		return decodeFile(payload)
	case ManifestType:
		return decodeManifest(payload)
	case CommitType:
		return decodeCommit(payload)
	case AnchorType:
		return decodeAnchor(payload)
	case EraseType:
		return decodeErase(payload)
	}
	return nil, fmt.Errorf("%.64q: %w", mediaType, ErrUnknown)
}

// HasDigest reports whether documents of a media type have a Digest.
func HasDigest(mediaType string) bool {
	switch mediaType {
	case FileType, ManifestType, CommitType:
		return true
	}
	return false
}

// Digest returns the hash by which a message can be found later: that of the file it notarises, or of
// the manifest. It is false for a payload that is no such document, well-formed or at all, and costs
// nothing for other media types, since a store asks it about every message.
func Digest(mediaType string, payload []byte) (core.Hash, bool) {
	if !HasDigest(mediaType) {
		return core.Hash{}, false
	}
	d, err := Decode(mediaType, payload)
	if err != nil {
		return core.Hash{}, false
	}
	switch d := d.(type) {
	case *File:
		return d.SHA256, true
	case *Manifest:
		return d.SHA256, true
	case *Commit:
		return d.SHA256, true
	}
	return core.Hash{}, false
}
