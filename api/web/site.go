package web

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"p2pchain/api/client"
)

//go:embed templates static texts/*/*.json
var files embed.FS

// policy lets a page load scripts, styles and pictures from its own origin, talk to that origin, and nothing
// else, with no exception for what is inside of the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// patience is how long a page waits for its source.
const patience = 10 * time.Second

// Config is what a Site needs.
type Config struct {
	Source Source
	Log    *slog.Logger
	Now    func() time.Time
	// SignIn says that whoever serves the pages takes the form with which people sign in.
	SignIn bool
}

// A Site serves the pages. It is safe for concurrent use.
type Site struct {
	cfg     Config
	mux     *http.ServeMux
	pages   map[string]*template.Template // by name; to be cloned for each language
	texts   *texts
	lessons map[string]func() (lesson, error) // by language
	assets  map[string]asset
	zips    zippers
	alone   bool // there are no pages of a node beside these
}

// New returns the pages of a source. An error is a bug of the embedded files.
func New(cfg Config) (*Site, error) {
	if cfg.Source == nil || cfg.Log == nil || cfg.Now == nil {
		return nil, errors.New("web: Config lacks a part")
	}
	s := &Site{cfg: cfg, mux: http.NewServeMux()}
	if err := s.load(); err != nil {
		return nil, err
	}
	for pattern, build := range map[string]builder{
		"GET /{$}":              (*Site).overview,
		"GET /ui/blocks":        (*Site).blocks,
		"GET /ui/blocks/{name}": (*Site).block,
		"GET /ui/messages":      (*Site).messages,
		"GET /ui/messages/{id}": (*Site).message,
		"GET /ui/search":        (*Site).search,
		"GET /ui/peers":         (*Site).peers,
		"GET /ui/forks":         (*Site).forks,
		"GET /ui/notarise":      (*Site).notarise,
		"GET /ui/learn":         (*Site).learn,
	} {
		s.mux.Handle(pattern, s.page(build))
	}
	if cfg.SignIn {
		s.mux.Handle("GET /ui/signin", s.page((*Site).signIn))
	}
	s.mux.HandleFunc("GET /ui/static/{version}/{name...}", s.static)
	s.mux.Handle("/", s.page((*Site).notFound))
	return s, nil
}

// load reads the embedded files.
func (s *Site) load() (err error) {
	if s.texts, err = loadTexts(files); err != nil {
		return err
	}
	s.lessons = lessonsOf(s.texts)
	if s.assets, err = loadAssets(files); err != nil {
		return err
	}
	s.pages, err = s.parse()
	return err
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// A builder gathers what a page shows.
type builder func(s *Site, ctx context.Context, r *http.Request) (view, error)

// A view is a page that is to be rendered.
type view struct {
	name   string // of its template
	title  string // key of a text, or what follows the colon after "raw:"
	status int    // 0: 200
	event  string // the node's last one before data was read, on pages that follow what happens
	data   any
}

// A frame is what every page gets.
type frame struct {
	Title string
	Page  string // name of the template, for the navigation
	Lang  string
	Query string // of the search field
	Path  string // of the request with its query but for lang, to link the other languages
	Alone bool   // there are no pages of a node to lead to
	Out   bool   // whoever asks signed in, and may sign out
	Event string // id of the node's last event before the page was made, for scripts
	Data  any
}

// page serves what a builder gathers.
func (s *Site) page(build builder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		v, err := build(s, ctx, r)
		if err != nil {
			v = s.problem(r, err)
		}
		if err := s.render(w, r, v); err != nil {
			s.cfg.Log.Error("a page cannot be shown", "path", r.URL.Path, "err", err)
			http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		}
	})
}

// render writes a page, or nothing where that is an error.
func (s *Site) render(w http.ResponseWriter, r *http.Request, v view) error {
	lang := s.texts.choose(r)
	t := s.pages[v.name+"/"+lang]
	if t == nil {
		return fmt.Errorf("there is no page %q", v.name)
	}
	title, raw := strings.CutPrefix(v.title, "raw:")
	if !raw {
		title = s.texts.say(lang, v.title)
	}
	var out bytes.Buffer
	err := t.ExecuteTemplate(&out, "layout.html", frame{Title: title, Page: v.name, Lang: lang, Query: r.URL.Query().Get("q"), Path: withoutLang(r), Alone: s.alone, Out: s.cfg.SignIn && hasSession(r), Event: v.event, Data: v.data})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin") // with no-referrer a form's origin is "null", and over plain HTTP nothing else says whose it is
	h.Set("Vary", "Accept-Language, Cookie")
	if v.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer") // RFC 9110 wants one; browsers show the form
	}
	if asked := r.URL.Query().Get("lang"); asked == lang {
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	return s.send(w, r, cmp.Or(v.status, http.StatusOK), out.Bytes())
}

// parse reads the templates, once for each language.
func (s *Site) parse() (map[string]*template.Template, error) {
	names, err := files.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	pages := make(map[string]*template.Template)
	for _, lang := range s.texts.languages() {
		base, err := template.New("").Funcs(s.funcs(lang)).ParseFS(files, "templates/layout.html", "templates/parts.html")
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			name := strings.TrimSuffix(n.Name(), ".html")
			if name == "layout" || name == "parts" {
				continue
			}
			page, err := base.Clone()
			if err == nil {
				page, err = page.ParseFS(files, "templates/"+n.Name())
			}
			if err != nil {
				return nil, err
			}
			pages[name+"/"+lang] = page
		}
	}
	return pages, nil
}

// problem is the page about an error.
func (s *Site) problem(r *http.Request, err error) view {
	var known *client.Error
	if s.cfg.SignIn && errors.As(err, &known) && known.Status == http.StatusUnauthorized {
		return stranger(r)
	}
	if errors.As(err, &known) && known.Status < http.StatusInternalServerError {
		return view{name: "problem", title: "problem.title", status: known.Status, data: problemData{Detail: known.Detail, Code: known.Code}}
	}
	s.cfg.Log.Warn("a page lacks its source", "path", r.URL.Path, "err", err)
	return view{name: "problem", title: "problem.title", status: http.StatusServiceUnavailable, data: problemData{Unavailable: true}}
}

// problemData is what the page about an error shows.
type problemData struct {
	Detail, Code string
	Unavailable  bool // the source does not answer
}

// notFound is the page about an unknown path.
func (s *Site) notFound(context.Context, *http.Request) (view, error) {
	return view{name: "notfound", title: "notfound.title", status: http.StatusNotFound}, nil
}

// withoutLang returns the path of a request with its query, but for the choice of a language.
func withoutLang(r *http.Request) string {
	query := r.URL.Query()
	query.Del("lang")
	path := r.URL.EscapedPath()
	if len(query) > 0 {
		return path + "?" + query.Encode() + "&"
	}
	return path + "?"
}
