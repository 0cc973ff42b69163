package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"

	"p2pchain/api/openapi"
)

// A description is the API's own description in all its forms, made when somebody asks for the first
// time.
type description struct {
	json func() (asset, error)
	yaml func() (asset, error)
	page func() (asset, error)
}

// An asset is a whole answer that never changes while the node runs.
type asset struct {
	mediaType string
	body      []byte
	etag      string
}

func newAsset(mediaType string, body []byte) asset {
	sum := sha256.Sum256(body)
	return asset{mediaType, body, `"` + hex.EncodeToString(sum[:16]) + `"`}
}

func newDescription() description {
	lazy := func(mediaType string, text func() ([]byte, error)) func() (asset, error) {
		return sync.OnceValues(func() (asset, error) {
			body, err := text()
			return newAsset(mediaType, body), err
		})
	}
	return description{
		json: lazy("application/json", openapi.JSON),
		yaml: lazy("application/yaml", func() ([]byte, error) { return openapi.YAML(), nil }),
		page: lazy("text/html; charset=utf-8", openapi.Page),
	}
}

// pagePolicy lets the page have its own style and script, and ask its own node: nothing inline, and
// nothing of another origin.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *Server) getOpenAPIJSON(w *response, r *http.Request) error {
	return sendAsset(w, r, s.described.json)
}

func (s *Server) getOpenAPIYAML(w *response, r *http.Request) error {
	return sendAsset(w, r, s.described.yaml)
}

// getPage shows the description to people.
func (s *Server) getPage(w *response, r *http.Request) error {
	w.Header().Set("Content-Security-Policy", pagePolicy)
	return sendAsset(w, r, s.described.page)
}

func (s *Server) getPageStyle(w *response, r *http.Request) error {
	return sendAsset(w, r, func() (asset, error) { return newAsset("text/css; charset=utf-8", openapi.Style()), nil })
}

func (s *Server) getPageScript(w *response, r *http.Request) error {
	return sendAsset(w, r, func() (asset, error) { return newAsset("text/javascript; charset=utf-8", openapi.Script()), nil })
}

// sendAsset sends what the client does not have yet.
func sendAsset(w *response, r *http.Request, get func() (asset, error)) error {
	a, err := get()
	if err != nil {
		return err
	}
	tag := a.etag
	if w.zip != nil {
		tag = strings.TrimSuffix(tag, `"`) + `-gzip"`
	}
	if !unchanged(w, r, tag) {
		writeWhole(w, http.StatusOK, a.mediaType, a.body)
	}
	return nil
}
