package api

import (
	"errors"
	"fmt"
	"net/http"
)

type liveness struct {
	Status string `json:"status"`
}

// getLive says that the node works, as opposed to hanging: who supervises it should start it anew
// where this fails.
func (s *Server) getLive(w *response, _ *http.Request) error {
	if s.deps.Live != nil {
		if err := s.deps.Live(); err != nil {
			return busy("not_live", err.Error())
		}
	}
	return writeJSON(w, http.StatusOK, liveness{"ok"})
}

// readyLag is how many blocks the chain may lack of the best header chain.
const readyLag = 6

// getReady says whether the node takes messages and knows the chain as its peers do.
func (s *Server) getReady(w *response, _ *http.Request) error {
	if s.deps.Ready != nil {
		err := s.deps.Ready()
		if s.cfg.DiskFull != nil && errors.Is(err, s.cfg.DiskFull) {
			return busy("disk_full", err.Error())
		}
		if err != nil {
			return busy("not_ready", err.Error())
		}
	}
	tip, best := s.deps.Chain.Tip().Header.Height, s.deps.Chain.BestHeader().Header.Height
	if best > tip+readyLag {
		return busy("catching_up", fmt.Sprintf("at block %d of %d", tip, best))
	}
	return writeJSON(w, http.StatusOK, liveness{"ready"})
}

// getMetrics serves what the node measures, for Prometheus.
func (s *Server) getMetrics(w *response, r *http.Request) error {
	if s.deps.Metrics == nil {
		return s.notFound(w, r)
	}
	s.deps.Metrics.ServeHTTP(w, r)
	return nil
}

// getProfile serves Go's profiles, where the operator asked for them.
func (s *Server) getProfile(w *response, r *http.Request) error {
	if s.deps.Profiles == nil {
		return s.notFound(w, r)
	}
	s.deps.Profiles.ServeHTTP(w, r)
	return nil
}
