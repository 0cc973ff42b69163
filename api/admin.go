package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// getMining says how mining goes.
func (s *Server) getMining(w *response, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, s.deps.Miner.Status())
}

// putMining changes when the node mines and with how many threads, until the node stops: at its next
// start its flags and its configuration count again.
func (s *Server) putMining(w *response, r *http.Request) error {
	body, err := readBody(w, r, maxSmallBody)
	if err != nil {
		return err
	}
	mode, threads, err := miningMembers(body)
	if err != nil {
		return err
	}
	err = s.deps.Miner.Set(mode, threads)
	switch {
	case errors.Is(err, ErrMining):
		return badRequest("bad_member", err.Error())
	case errors.Is(err, ErrMiningHere):
		return problem(http.StatusConflict, "mining_mode_not_possible", err.Error())
	case err != nil:
		return err
	}
	s.cfg.Log.Info("mining changed through the API", "mode", mode, "threads", threads)
	return writeJSON(w, http.StatusOK, s.deps.Miner.Status())
}

// miningMembers reads {"mode", "threads"}, of which one may be missing: it is empty or 0 then.
func miningMembers(body []byte) (mode string, threads int, err error) {
	const want = "\"mode\", \"threads\" or both"
	members, err := parseObject(body)
	if err != nil {
		return "", 0, err
	}
	if len(members) == 0 {
		return "", 0, badRequest("missing_member", "want "+want)
	}
	for _, m := range members {
		switch m.key {
		case "mode":
			if err := stringMember(m, &mode); err != nil {
				return "", 0, err
			}
			if mode == "" {
				return "", 0, badRequest("bad_member", "mode is empty")
			}
		case "threads":
			if err := json.Unmarshal(m.raw, &threads); err != nil || threads < 1 {
				return "", 0, badRequest("bad_member", fmt.Sprintf("threads %s: want a number from 1 on", m.raw))
			}
		default:
			return "", 0, unknownMember(m.key, want)
		}
	}
	return mode, threads, nil
}

// postPeers connects to a peer, and answers once it is past hello.
func (s *Server) postPeers(w *response, r *http.Request) error {
	addr, err := s.dialAsked(w, r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.connected(addr))
}

// dialAsked connects to the peer that a body names, and returns its address.
func (s *Server) dialAsked(w *response, r *http.Request) (string, error) {
	body, err := readBody(w, r, maxSmallBody)
	if err != nil {
		return "", err
	}
	addr, err := peerMembers(body)
	if err != nil {
		return "", err
	}
	return addr, s.dial(r.Context(), addr)
}

// dial connects to a peer; errors are problems that say what was wrong with which address.
func (s *Server) dial(ctx context.Context, addr string) error {
	if !s.dials.try() {
		return busy("too_many_dials_at_once", "as many peers as this node allows are being dialled")
	}
	defer s.dials.release()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	err := s.deps.Host.Connect(ctx, addr)
	if err == nil || errors.Is(err, ErrAddress) || errors.Is(err, ErrOtherNetwork) {
		return err
	}
	p := problem(http.StatusBadGateway, "peer_unreachable",
		"this node works, but it did not reach the peer at "+addr+": "+err.Error())
	p.cause = err
	return p
}

// connected describes a peer that was connected to a moment ago.
func (s *Server) connected(addr string) Connected {
	_, id, _ := strings.Cut(addr, "/p2p/")
	if i := strings.LastIndex(addr, "/p2p/"); i >= 0 { // a relay's address has two
		id = addr[i+len("/p2p/"):]
	}
	out := Connected{ID: id}
	for _, p := range s.deps.Host.Peers() {
		if p.ID == id {
			out.Peer = &p
		}
	}
	return out
}

// deletePeer ends the connections to a peer. It is not banned: either side may connect again.
func (s *Server) deletePeer(w *response, r *http.Request) error {
	err := s.deps.Host.Disconnect(mux.Vars(r)["id"])
	switch {
	case errors.Is(err, ErrAddress):
		return badRequest("bad_peer_id", err.Error())
	case errors.Is(err, ErrNoPeer):
		return problem(http.StatusNotFound, "peer_not_found", "this node is not connected to a peer of this id")
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
