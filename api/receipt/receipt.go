// Package receipt writes a proof as one HTML file for people: what it proves and what not, in words, and
// a verifier of its own, so that a browser that opens the file from a disk checks everything again, and
// other proofs and documents too. The file uses no network and needs nothing beside it.
//
// Its scripts are in the folder script, written from docs/proof-format.md and independent of core/proof;
// they are put into every receipt without comments and most spaces. Whatever strangers wrote is text in
// it, never markup: it is escaped here and made of text nodes there, and the file's own policy runs no
// script but ours.
package receipt

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"

	"p2pchain/core"
	"p2pchain/core/proof"
)

// Options are what a receipt may be given beside the proof. The zero value is fine.
type Options struct {
	// FileName is what the proof is called when it is saved from the receipt. It is the first 16 digits
	// of the id with the extension of proofs, where empty.
	FileName string
}

//go:embed page.html page.css texts.json script
var files embed.FS

// parts are what all receipts share.
type parts struct {
	page          *template.Template
	style, script string
	words         texts
	wordsJSON     []byte
	policy        string // by hash of style and script
}

var shared = sync.OnceValues(load)

// load reads the embedded files.
func load() (*parts, error) {
	p := new(parts)
	var err error
	if p.page, err = template.ParseFS(files, "page.html"); err != nil {
		return nil, fmt.Errorf("page of receipts: %w", err)
	}
	read := func(name string) string {
		b, readErr := files.ReadFile(name)
		if readErr != nil && err == nil {
			err = fmt.Errorf("receipts: %w", readErr)
		}
		return string(b)
	}
	p.style = denseStyle(lean(read("page.css")))
	p.script = "// The source with its comments is in api/receipt/script of p2pchain.\n"
	known, knownErr := builtins()
	if err == nil {
		err = knownErr
	}
	for _, name := range []string{"hash", "ed25519", "proof", "record", "words", "document", "page"} {
		if name == "words" { // the first that asks; the very first statement has to be 'use strict'
			p.script += known
		}
		p.script += denseScript(lean(read("script/" + name + ".js")))
	}
	if p.words, err = readTexts([]byte(read("texts.json"))); err != nil {
		return nil, err
	}
	if p.wordsJSON, err = p.words.forScript(read("page.html")); err != nil {
		return nil, err
	}
	p.policy = "default-src 'none'; script-src " + source(p.script) + "; style-src " + source(p.style) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
	return p, nil
}

// builtins tells the scripts the genesis hashes of the networks that are built in.
func builtins() (string, error) {
	known := make(map[string]core.Hash)
	for _, name := range core.BuiltinNames() {
		params, _ := core.Builtin(name)
		n, err := core.NewNetwork(params)
		if err != nil {
			return "", fmt.Errorf("receipts: network %s: %w", name, err)
		}
		known[name] = n.Genesis
	}
	b, err := json.Marshal(known)
	return "const BUILTIN = " + string(b) + ";\n", err
}

// source names an inline script or style by its hash.
func source(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// ContentSecurityPolicy returns the policy of all receipts, for the header of whoever serves one. The
// file holds it too, but for frame-ancestors, which browsers take from headers only.
func ContentSecurityPolicy() string {
	p, err := shared()
	if err != nil {
		panic(err) // what is embedded can be read
	}
	return p.policy + "; frame-ancestors 'none'"
}

// data is what page.html shows.
type data struct {
	Policy          string
	Style           template.CSS
	Script          template.JS
	Proof, Words    template.JS
	QR              template.HTML
	FileName        string
	Facts           []fact
	Proven, Claimed []string
	Unproven        []string
	Payload         payload
	words           texts
	network         string
}

// A payload is what of it is shown: the first part on paper too.
type payload struct {
	Printed, Rest, Note string
}

// T returns a fixed text; Lead is the one that names the network.
func (d data) T(key string) string { return d.words.say(key, values{"network": d.network}) }

// Write writes the receipt of a proof that holds; for any other the error wraps the proof's Fault and
// nothing is written. The same proof gives the same bytes.
func Write(w io.Writer, p *proof.Proof, o Options) error {
	s, err := p.Verify()
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	parts, err := shared()
	if err != nil {
		return err
	}
	encoded := p.Encode()
	if bytes.ContainsAny(encoded, "<&") { // it would end the element that holds it; no proof has it
		return fmt.Errorf("receipt of %v: the proof holds markup", s.ID)
	}
	code, err := QRCode(qrText(s.ID, s.BlockHash))
	if err != nil {
		return err
	}
	d := data{
		Policy: parts.policy, Style: template.CSS(parts.style), Script: template.JS(parts.script),
		Proof: template.JS(encoded), Words: template.JS(parts.wordsJSON), QR: code, FileName: o.FileName,
		Facts: parts.words.facts(s), Proven: parts.words.proven(s), Claimed: parts.words.claimed(s), Unproven: parts.words.unproven(s),
		Payload: parts.words.payload(s), words: parts.words, network: s.Network.Params.Name,
	}
	if d.FileName == "" {
		d.FileName = s.ID.String()[:16] + proof.Extension
	}
	var out bytes.Buffer
	if err := parts.page.Execute(&out, d); err != nil {
		return fmt.Errorf("receipt of %v: %w", s.ID, err)
	}
	_, err = out.WriteTo(w)
	return err
}

// payload says what of the payload is shown.
func (t texts) payload(s *proof.Statement) payload {
	size := values{"size": count(t, "bytes", s.Message.PayloadSize)}
	body := s.Message.Body
	switch {
	case body == nil:
		return payload{Note: t.say("payload.none", size)}
	case !isText(body.Payload):
		return payload{Note: t.say("payload.binary", size)}
	}
	printed, rest := split(visible(string(body.Payload)))
	out := payload{Printed: printed, Rest: rest}
	if strings.TrimSpace(rest) != "" {
		out.Note = t.say("payload.cut", size)
	}
	return out
}
