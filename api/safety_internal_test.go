package api

import "net/http"

// A RouteLine is a line of the route table, for tests from outside.
type RouteLine struct {
	Method, Pattern string
	Scope           Scope
}

// RouteLines returns the route table.
func RouteLines() []RouteLine {
	var list []RouteLine
	for _, r := range routes() {
		list = append(list, RouteLine{r.method, r.pattern, r.scope})
	}
	return list
}

// Handler returns what serves a server's requests, for tests without a network.
func Handler(s *Server) http.Handler { return s.handler }

// HoldTurns takes all turns of a server's large answers, and returns what gives them back.
func HoldTurns(s *Server) func() {
	for range cap(s.bulk.turns) {
		s.bulk.turns <- struct{}{}
	}
	return func() {
		for range cap(s.bulk.turns) {
			s.bulk.turns.release()
		}
	}
}
