package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/proof"
)

// soonSealed is when to ask again for the proof of a message that waits.
const soonSealed = 5 * time.Second

// getProof sends the proof of a message.
func (s *Server) getProof(w *response, r *http.Request) error {
	if s.deps.Proofs == nil {
		return s.notFound(w, r)
	}
	id, err := hashParam("message id", mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	tip := s.deps.Chain.Tip()
	p, err := s.prove(id)
	if err != nil {
		return err
	}
	switch e, err := s.erasure(id); {
	case err != nil:
		return err
	case e != nil:
		p = p.WithoutBody()
	}
	if unchanged(w, r, s.tagOf(w, tip.Hash, formProof)) {
		return nil
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%v%s"`, id, proof.Extension))
	writeWhole(w, http.StatusOK, proof.MediaType, p.Encode())
	return nil
}

// prove makes the proof of a message.
func (s *Server) prove(id core.Hash) (*proof.Proof, error) {
	p, err := proof.Build(s.deps.Proofs, id)
	if err == nil || !errors.Is(err, proof.ErrNotConfirmed) && !errors.Is(err, chain.ErrNotFound) {
		return p, err
	}
	at, err := s.standing(id)
	switch {
	case errors.Is(err, chain.ErrNotFound):
		return nil, problem(http.StatusNotFound, "message_not_found", "no message of this id waits here or is on the best chain")
	case err != nil:
		return nil, err
	case at.Status == StatusConfirmed: // meanwhile
		return proof.Build(s.deps.Proofs, id)
	}
	late := problem(http.StatusConflict, "not_confirmed", "the message waits for a block; there is a proof once it is in one")
	late.retry = soonSealed
	return nil, late
}
