package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// A route is a line of the route table.
type route struct {
	method  string
	pattern string
	handle  func(*Server, *response, *http.Request) error
	scope   Scope
	query   string // names of its query parameters, or anyQuery
}

// anyQuery is for routes where a parameter that nobody reads does no harm: what the older systems and
// browsers send there is not ours to say.
const anyQuery = "*"

// routes is the table of all routes.
func routes() []route {
	return slices.Concat(seedRoutes(), v1Routes(), pageRoutes(), operatorRoutes())
}

// seedRoutes are those of the two older systems.
func seedRoutes() []route {
	return []route{
		{http.MethodPut, "/add", (*Server).putAdd, scopeWrite, anyQuery},
		{http.MethodGet, "/chain", (*Server).getChain, scopeRead, anyQuery},
		{http.MethodGet, "/neighbours", (*Server).getNeighbours, scopeRead, anyQuery},
		{http.MethodGet, "/data", (*Server).getData, scopeRead, anyQuery},
		{http.MethodPost, "/data", (*Server).postData, scopeWrite, anyQuery},
		{http.MethodGet, "/node", (*Server).getSeedNode, scopeRead, anyQuery},
		{http.MethodPost, "/node", (*Server).postSeedNode, scopeRead, anyQuery},
		{http.MethodGet, "/peers", (*Server).getSeedPeers, scopeRead, anyQuery},
		{http.MethodPost, "/peers", (*Server).postSeedPeers, scopeAdmin, anyQuery},
	}
}

// v1Routes are the API of our own.
func v1Routes() []route {
	const v1 = "/api/v1"
	return []route{
		{http.MethodPost, v1 + "/messages", (*Server).postMessages, scopeWrite, "wait timeout"},
		{http.MethodGet, v1 + "/messages", (*Server).getMessages, scopeRead, "status author type after before text sha256 limit cursor"},
		{http.MethodGet, v1 + "/messages/{id}", (*Server).getMessage, scopeRead, "wait timeout"},
		{http.MethodDelete, v1 + "/messages/{id}", (*Server).deleteMessage, scopeAdmin, "scope"},
		{http.MethodGet, v1 + "/erased", (*Server).getErased, scopeRead, "limit cursor"},
		{http.MethodGet, v1 + "/messages/{id}/proof", (*Server).getProof, scopeRead, "format tip"},
		{http.MethodGet, v1 + "/search", (*Server).getSearch, scopeRead, "q"},
		{http.MethodGet, v1 + "/mempool", (*Server).getMempool, scopeRead, "limit cursor"},
		{http.MethodGet, v1 + "/blocks", (*Server).getBlocks, scopeRead, "from limit cursor"},
		{http.MethodGet, v1 + "/blocks/{block}", (*Server).getBlock, scopeRead, ""},
		{http.MethodGet, v1 + "/blocks/{block}/messages", (*Server).getBlockMessages, scopeRead, "position limit"},
		{http.MethodGet, v1 + "/headers", (*Server).getHeaders, scopeRead, "from limit cursor"},
		{http.MethodGet, v1 + "/tips", (*Server).getTips, scopeRead, ""},
		{http.MethodGet, v1 + "/reorgs", (*Server).getReorgs, scopeRead, "limit cursor"},
		{http.MethodGet, v1 + "/node", (*Server).getNode, scopeRead, ""},
		{http.MethodGet, v1 + "/mining", (*Server).getMining, scopeRead, ""},
		{http.MethodPut, v1 + "/mining", (*Server).putMining, scopeAdmin, ""},
		{http.MethodGet, v1 + "/peers", (*Server).getPeers, scopeRead, ""},
		{http.MethodPost, v1 + "/peers", (*Server).postPeers, scopeAdmin, ""},
		{http.MethodDelete, v1 + "/peers/{id}", (*Server).deletePeer, scopeAdmin, ""},
		{http.MethodGet, v1 + "/invite", (*Server).getInvite, scopeRead, ""},
		{http.MethodGet, v1 + "/export", (*Server).getExport, scopeRead, "since"},
		{http.MethodGet, v1 + "/backup", (*Server).getBackup, scopeAdmin, ""},
		{http.MethodGet, eventsPattern, (*Server).getEvents, scopeRead, "types since"},
		{http.MethodPost, v1 + "/import", (*Server).postImport, scopeAdmin, ""},
		{http.MethodGet, v1 + "/openapi.json", (*Server).getOpenAPIJSON, scopeOpen, ""},
		{http.MethodGet, v1 + "/openapi.yaml", (*Server).getOpenAPIYAML, scopeOpen, ""},
	}
}

// pageRoutes are what people open in a browser.
func pageRoutes() []route {
	return []route{
		{http.MethodGet, homePattern, (*Server).getPages, scopeOpen, anyQuery},
		{http.MethodGet, signInPattern, (*Server).getPages, scopeOpen, anyQuery},
		{http.MethodPost, signInPattern, (*Server).postSignIn, scopeOpen, anyQuery},
		{http.MethodPost, signOutPattern, (*Server).postSignOut, scopeOpen, anyQuery},
		{http.MethodGet, pagesPattern, (*Server).getPages, scopeOpen, anyQuery},
		{http.MethodGet, "/api", (*Server).getPage, scopeOpen, anyQuery},
		{http.MethodGet, "/api/page.css", (*Server).getPageStyle, scopeOpen, anyQuery},
		{http.MethodGet, "/api/try.js", (*Server).getPageScript, scopeOpen, anyQuery},
	}
}

// operatorRoutes are for who keeps the node running.
func operatorRoutes() []route {
	return []route{
		{http.MethodGet, "/livez", (*Server).getLive, scopeOpen, anyQuery},
		{http.MethodGet, "/readyz", (*Server).getReady, scopeOpen, anyQuery},
		{http.MethodGet, "/metrics", (*Server).getMetrics, scopeRead, anyQuery},
		{http.MethodGet, "/debug/pprof/{profile:[a-z]*}", (*Server).getProfile, scopeAdmin, anyQuery},
	}
}

// router serves the route table.
func (s *Server) router() *mux.Router {
	router := mux.NewRouter().SkipClean(true) // a redirect would lose the body of a write
	router.NotFoundHandler = s.serve(s.notFound)
	byPattern := make(map[string]map[string]route)
	for _, r := range routes() {
		if byPattern[r.pattern] == nil {
			byPattern[r.pattern] = make(map[string]route)
			router.Handle(r.pattern, s.dispatch(byPattern[r.pattern]))
		}
		byPattern[r.pattern][r.method] = r
	}
	return router
}

// direct finds the paths without a variable by themselves: the router makes two copies of each request.
func direct(router *mux.Router) http.Handler {
	literal := make(map[string]http.Handler)
	router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if path, err := r.GetPathTemplate(); err == nil && !strings.Contains(path, "{") {
			literal[path] = r.GetHandler()
		}
		return nil
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := literal[r.URL.Path]; ok {
			h.ServeHTTP(w, r)
			return
		}
		router.ServeHTTP(w, r)
	})
}

// dispatch serves one pattern: its methods, HEAD wherever there is GET, and OPTIONS.
func (s *Server) dispatch(methods map[string]route) http.Handler {
	return s.serve(func(w *response, r *http.Request) error {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if route, ok := methods[method]; ok {
			w.route = routeKey{route.pattern, route.method}
			return s.run(route, w, r)
		}
		w.Header().Set("Allow", allowed(methods))
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return problem(http.StatusMethodNotAllowed, "method_not_allowed", r.URL.Path+" does not answer to "+r.Method)
	})
}

// allowed lists methods for an Allow header.
func allowed(methods map[string]route) string {
	list := []string{http.MethodOptions}
	for m := range methods {
		list = append(list, m)
		if m == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// run lets a request through to its handler if its scope and the load allow it.
func (s *Server) run(route route, w *response, r *http.Request) error {
	if err := s.authorize(r, route.scope); err != nil {
		return err
	}
	if err := route.knows(r.URL.RawQuery); err != nil {
		return err
	}
	s.lend(w, r, route.scope)
	if !scopeRead.covers(route.scope) {
		if elsewhere(r) && !s.fromListedOrigin(r) {
			return problem(http.StatusForbidden, "cross_origin", "a page of another origin may not make this node do that, by a link either")
		}
		if err := s.limitWrites(r); err != nil {
			return err
		}
		if err := encoded(w, r); err != nil {
			return err
		}
		// What a write needs is bounded where its work begins: a slow body must hold up nobody.
		return route.handle(s, w, r)
	}
	if route.pattern == homePattern || route.pattern == pagesPattern || route.pattern == signInPattern { // what they ask for has its bounds
		return route.handle(s, w, r)
	}
	if route.pattern == eventsPattern { // has a bound of its own, and goes on for hours
		return route.handle(s, w, r)
	}
	if !s.reads.enter(r.Context()) {
		return busy("too_many_requests_at_once", "this node serves as many requests as it may")
	}
	defer s.reads.leave(r.Context())
	w.epoch = s.deps.Erasures.Epoch()
	s.negotiate(w, r)
	if mayGrow(route.pattern, r) {
		return s.inBackground(func() error { return route.handle(s, w, r) })
	}
	return route.handle(s, w, r)
}

// notFound answers seed 1's way, whose paths have no slash in front, and browsers with a page.
func (s *Server) notFound(w *response, r *http.Request) error {
	if s.deps.Pages != nil && !strings.HasPrefix(r.URL.Path, "/api/") && (r.Method == http.MethodGet || r.Method == http.MethodHead) && wantsHTML(r) {
		s.deps.Pages.ServeHTTP(w, s.admitted(w, r))
		return nil
	}
	p := problem(http.StatusNotFound, "no_such_endpoint", "")
	p.Message = "'" + strings.TrimPrefix(r.URL.Path, "/") + "' is not a valid endpoint!"
	return p
}
