package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"p2pchain/api/receipt"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/proof"
)

// soonSealed is when to ask again for the proof of a message that waits.
const soonSealed = 5 * time.Second

// getProof sends the proof of a message, as a file for programs or as a page for people.
func (s *Server) getProof(w *response, r *http.Request) error {
	if s.deps.Proofs == nil {
		return s.notFound(w, r)
	}
	id, err := hashParam("message id", mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	page, err := wantsPage(w, r)
	if err != nil {
		return err
	}
	build, err := s.builder(r)
	if err != nil {
		return err
	}
	tip := s.deps.Chain.Tip()
	p, err := s.prove(id, build)
	if err != nil {
		return err
	}
	switch e, err := s.erasure(id); {
	case err != nil:
		return err
	case e != nil:
		p = p.WithoutBody()
	}
	form := formProof
	if page {
		form = formPaper
	}
	if unchanged(w, r, s.tagOf(w, tip.Hash, form)) {
		return nil
	}
	if page {
		return writeReceipt(w, p)
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%v%s"`, id, proof.Extension))
	writeWhole(w, http.StatusOK, proof.MediaType, p.Encode())
	return nil
}

// wantsPage reports whether a request wants the proof as a page.
func wantsPage(w *response, r *http.Request) (bool, error) {
	accepts := prefers(w, r, "text/html", proof.MediaType)
	format, err := queryParam(r, "format")
	if err != nil {
		return false, err
	}
	switch format {
	case "":
		return accepts, nil
	case "json", "html":
		return format == "html", nil
	}
	return false, badRequest("bad_parameter", fmt.Sprintf("format %q: want json or html", format))
}

// writeReceipt sends the page of a proof. It verifies the proof with a script of its own, which the policy
// of all other answers would not run.
func writeReceipt(w *response, p *proof.Proof) error {
	var page bytes.Buffer
	if err := receipt.Write(&page, p, receipt.Options{}); err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", receipt.ContentSecurityPolicy())
	writeWhole(w, http.StatusOK, "text/html; charset=utf-8", page.Bytes())
	return nil
}

// A builder makes the proof of a message.
type builder func(id core.Hash) (*proof.Proof, error)

// builder returns what makes the proofs that a request wants: to the block that its parameter tip names,
// or to the last one.
func (s *Server) builder(r *http.Request) (builder, error) {
	name, err := queryParam(r, "tip")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return func(id core.Hash) (*proof.Proof, error) { return proof.Build(s.deps.Proofs, id) }, nil
	}
	last, err := s.onBest(name)
	if err != nil {
		return nil, err
	}
	return func(id core.Hash) (*proof.Proof, error) { return proof.BuildTo(s.deps.Proofs, id, last) }, nil
}

// prove makes the proof of a message.
func (s *Server) prove(id core.Hash, build builder) (*proof.Proof, error) {
	p, err := build(id)
	switch {
	case errors.Is(err, proof.ErrBelowMessage):
		return nil, problem(http.StatusConflict, "tip_below_message", "the block of this name is below that of the message: name one that is later, or the message's own")
	case errors.Is(err, proof.ErrNotOnChain): // since it was found there
		return nil, problem(http.StatusNotFound, "block_not_on_best_chain", "the block of this name is not on the best chain")
	case err == nil || !errors.Is(err, proof.ErrNotConfirmed) && !errors.Is(err, chain.ErrNotFound):
		return p, err
	}
	at, err := s.standing(id)
	switch {
	case errors.Is(err, chain.ErrNotFound):
		return nil, problem(http.StatusNotFound, "message_not_found", "no message of this id waits here or is on the best chain")
	case err != nil:
		return nil, err
	case at.Status == StatusConfirmed: // meanwhile
		return build(id)
	}
	late := problem(http.StatusConflict, "not_confirmed", "the message waits for a block; there is a proof once it is in one")
	late.retry = soonSealed
	return nil, late
}
