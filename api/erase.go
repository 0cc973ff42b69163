package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/document"
	"p2pchain/core/mempool"
)

// How far an erasure reaches.
const (
	ScopeNetwork = "network" // a message of the author asks all nodes for it
	ScopeLocal   = "local"   // only this node's copy goes
)

// An EraseResult is the answer to a request to erase a message.
type EraseResult struct {
	ID      core.Hash  `json:"id"`
	Scope   string     `json:"scope"`
	Message *core.Hash `json:"message"` // which asks the others, null where only this node's copy goes
	Erasure *Erasure   `json:"erasure"`
}

// An ErasedMessage is an entry of the list of erasures.
type ErasedMessage struct {
	Number uint64 `json:"number"` // of the erasure on this node, from 1
	Content
}

// An ErasedPage is a part of the list of erasures, newest first.
type ErasedPage struct {
	Erased []ErasedMessage `json:"erased"`
	Next   string          `json:"next,omitempty"` // cursor of the next page
}

// deleteMessage erases the payload of a message: on this node at once, and where the message is the node's
// own, by a message that asks all others to do the same.
func (s *Server) deleteMessage(w *response, r *http.Request) error {
	if s.deps.Erase == nil {
		return s.notFound(w, r)
	}
	id, err := hashParam("message id", mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	scope, err := queryParam(r, "scope")
	if err != nil {
		return err
	}
	if scope != "" && scope != ScopeLocal && scope != ScopeNetwork {
		return badRequest("bad_parameter", fmt.Sprintf("scope %q: want %s or %s", scope, ScopeNetwork, ScopeLocal))
	}
	s.erasing.Lock()
	defer s.erasing.Unlock()
	m, before, err := s.erasable(id)
	if err != nil {
		return err
	}
	own := m.Author == s.deps.author()
	switch {
	case scope == ScopeNetwork && !own:
		return problem(http.StatusConflict, "not_the_author",
			"only the author of a message can ask the network to erase it; this node can erase its own copy, with scope=local")
	case scope == "" && own:
		scope = ScopeNetwork
	case scope == "":
		scope = ScopeLocal
	}
	result, err := s.eraseNow(r, id, scope, before)
	if err != nil {
		return err
	}
	s.cfg.Log.Info("message erased through the API", "id", id, "scope", scope)
	return writeJSON(w, http.StatusOK, result)
}

// erasable returns a message that may be erased, and how it was erased before.
func (s *Server) erasable(id core.Hash) (*core.Message, *chain.Erasure, error) {
	_, err := s.standing(id)
	var m *core.Message
	var before *chain.Erasure
	if err == nil {
		m, before, err = s.find(id)
	}
	switch {
	case errors.Is(err, chain.ErrNotFound):
		return nil, nil, problem(http.StatusNotFound, "message_not_found", "no message of this id waits here or is on the best chain")
	case err != nil:
		return nil, nil, err
	case m.MediaType == document.EraseType:
		return nil, nil, problem(http.StatusConflict, "not_erasable",
			"this message asks to erase another one; it holds nothing but an id, and without it nodes to come would not learn of that")
	}
	return m, before, nil
}

// eraseNow asks the network, where that is wanted and was not done before, and hides the payload here.
func (s *Server) eraseNow(r *http.Request, id core.Hash, scope string, before *chain.Erasure) (*EraseResult, error) {
	e := chain.Erasure{ID: id, TimeMS: uint64(max(0, s.cfg.Now().UnixMilli()))}
	result := &EraseResult{ID: id, Scope: scope}
	switch {
	case scope != ScopeNetwork:
	case before != nil && before.Message != (core.Hash{}):
		result.Message = &before.Message
	default:
		ask := document.Erase{Target: id}
		m, err := s.add(r.Context(), draft{payload: ask.Encode(), mediaType: document.EraseType}, nil)
		if err != nil && !errors.Is(err, mempool.ErrKnown) {
			return nil, err
		}
		e.ByAuthor, e.Author, e.Message = true, s.deps.author(), m.ID
		result.Message = &m.ID
	}
	if err := s.deps.Erase(r.Context(), e); err != nil {
		return nil, fmt.Errorf("erasing message %v: %w", id, err)
	}
	s.hub.redact()
	now, err := s.erasure(id)
	if err == nil && now == nil {
		err = fmt.Errorf("message %v is not erased", id)
	}
	result.Erasure = erasureOf(now)
	return result, err
}

// getErased lists erasures, newest first. As lines it is all of them.
func (s *Server) getErased(w *response, r *http.Request) error {
	lines, tip := wantsNDJSON(w, r), s.deps.Chain.Tip()
	limit, err := listLimit(r, lines)
	if err != nil {
		return err
	}
	before, err := beforeParam(r)
	if err != nil {
		return err
	}
	form := formJSON
	if lines {
		form = formLines
	}
	if unchanged(w, r, s.tagOf(w, tip.Hash, form)) {
		return nil
	}
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	if lines {
		w.Header().Set("Content-Type", ndjson)
		return s.streamErased(out, before, limit)
	}
	out.raw(`{"erased":[`)
	next, err := s.writeErased(out, before, limit, ",", "")
	if err != nil {
		return err
	}
	out.raw(`]`)
	if next > 0 {
		out.raw(`,"next":"`, strconv.FormatUint(next+1, 10), `"`)
	}
	out.raw("}\n")
	return out.end()
}

// streamErased writes erasures as lines.
func (s *Server) streamErased(out *stream, before uint64, limit int) error {
	for limit > 0 && out.err == nil {
		page := min(limit, mostPage)
		next, err := s.writeErased(out, before, page, "", "\n")
		if err != nil {
			return err
		}
		if next == 0 {
			break
		}
		before, limit = next, limit-page
	}
	return out.end()
}

// writeErased writes a page of erasures, with what stands between two and after each. It returns the number
// below which the next page begins, 0 if there is none.
func (s *Server) writeErased(out *stream, before uint64, limit int, between, after string) (uint64, error) {
	list, err := s.deps.Erasures.ErasuresBefore(before, limit)
	if err != nil {
		return 0, err
	}
	sep := ""
	for i := range list {
		m, err := s.deps.Messages.Message(list[i].ID)
		if errors.Is(err, chain.ErrNotFound) {
			continue // its last block was forgotten
		}
		if err != nil {
			return 0, err
		}
		out.buf = strconv.AppendUint(append(append(out.buf, sep...), `{"number":`...), list[i].Number+1, 10)
		content := len(out.buf)
		out.buf = append(appendContent(out.buf, m, &list[i]), '}')
		out.buf[content] = ',' // for the brace that begins it
		out.raw(after)
		sep = between
	}
	if len(list) < limit || len(list) == 0 {
		return 0, nil
	}
	return list[len(list)-1].Number, nil
}
