package main

import (
	"fmt"

	"p2pchain/api/client"
	"p2pchain/core/document"
)

// documentOf returns the document that a message carries, nil for a message of another kind.
func documentOf(mediaType string, p client.Payload) document.Document {
	payload := p.Base64
	if p.Message != nil {
		payload = []byte(*p.Message)
	}
	d, err := document.Decode(mediaType, payload)
	if err != nil {
		return nil
	}
	return d
}

// messageText shows on one line what an author wrote: a document in words.
func messageText(mediaType string, p client.Payload) string {
	if d := documentOf(mediaType, p); d != nil {
		return printable(d.String())
	}
	return payloadText(p)
}

// document writes what a document says, row by row. Of those that are not notarised it is one row.
func (t *text) document(d document.Document) {
	switch d := d.(type) {
	case *document.File:
		t.row("file", fmt.Sprintf("%s, %s, %s", printable(d.Name), plural(d.Size, "byte"), printable(d.MediaType)))
		t.row("sha-256", d.SHA256)
	case *document.Manifest:
		t.row("directory", fmt.Sprintf("%s, %s, %s", printable(d.Name), plural(d.Files, "file"), plural(d.Size, "byte")))
		t.row("sha-256", fmt.Sprintf("%v of the list", d.SHA256))
	case *document.Commit:
		t.row("commit", fmt.Sprintf("%s of %s, %s, %s", d.Commit, printable(d.Repository), plural(d.Files, "file"), plural(d.Size, "byte")))
		t.row("tree", d.Tree)
		t.row("sha-256", fmt.Sprintf("%v of the list", d.SHA256))
	default:
		t.row("content", printable(d.String()))
	}
}
