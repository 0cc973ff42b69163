package api

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"p2pchain/api/openapi"
)

// A spec is the description of the API, with its schemas ready to use.
type spec struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

// theSpec reads the description once for all tests.
var theSpec = sync.OnceValues(func() (*spec, error) {
	text, err := openapi.JSON()
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	root := doc.(map[string]any)
	closeObjects(root, partsOf(root))
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	return &spec{doc: root, compiler: c, compiled: make(map[string]*jsonschema.Schema)},
		c.AddResource("spec.json", root)
})

// partsOf returns the names of schemas that others are made of, which must stay open.
func partsOf(doc map[string]any) map[string]bool {
	parts := make(map[string]bool)
	var walk func(v any, composed bool)
	walk = func(v any, composed bool) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && composed {
				parts[ref[strings.LastIndex(ref, "/")+1:]] = true
			}
			for key, child := range v {
				walk(child, key == "allOf")
			}
		case []any:
			for _, child := range v {
				walk(child, composed)
			}
		}
	}
	walk(doc, false)
	return parts
}

// closeObjects has objects refuse members that are not described. Clients must ignore those, so the
// description itself allows them.
func closeObjects(doc map[string]any, parts map[string]bool) {
	var walk func(v any, part bool)
	walk = func(v any, part bool) {
		switch v := v.(type) {
		case map[string]any:
			_, object := v["properties"]
			_, composed := v["allOf"]
			_, closed := v["additionalProperties"]
			if (object || composed) && !part && !closed {
				v["unevaluatedProperties"] = false
			}
			for key, child := range v {
				if key == "schemas" {
					for name, schema := range child.(map[string]any) {
						walk(schema, parts[name])
					}
					continue
				}
				walk(child, slices.Contains([]string{"allOf", "if", "then", "oneOf"}, key))
			}
		case []any:
			for _, child := range v {
				walk(child, part)
			}
		}
	}
	walk(doc, false)
}

// at returns a part of the description, nil where there is none; it follows a reference at its end.
func (s *spec) at(path ...string) map[string]any {
	v := s.doc
	for _, key := range path {
		v, _ = v[key].(map[string]any)
	}
	if ref, ok := v["$ref"].(string); ok {
		return s.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return v
}

// pathOf returns the path in the description that a request's path fits, empty where none does.
func (s *spec) pathOf(path string) string {
	if s.at("paths", path) == nil && strings.HasPrefix(path, "/ui/") {
		return "/ui/{page}" // the only variable with slashes
	}
	best := ""
	for pattern := range s.at("paths") {
		if pattern == path {
			return pattern
		}
		have, want := strings.Split(path, "/"), strings.Split(pattern, "/")
		fits := len(have) == len(want)
		for i := 0; fits && i < len(want); i++ {
			fits = want[i] == have[i] || strings.HasPrefix(want[i], "{")
		}
		if fits {
			best = pattern
		}
	}
	return best
}

// check holds one answer to the description.
func (s *spec) check(r *http.Request, rec *recording, broken bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.status == 0 && broken {
		return nil // the connection was cut
	}
	status := max(rec.status, http.StatusOK) // 0: nothing was written, which net/http takes for 200
	if r.Method == http.MethodOptions && status == http.StatusNoContent {
		return nil
	}
	path := s.pathOf(r.URL.Path)
	method := strings.Replace(strings.ToLower(r.Method), "head", "get", 1)
	op := s.at("paths", path, method)
	if op == nil && status/100 == 2 {
		return fmt.Errorf("%d, but nothing is said about this path and method", status)
	}
	where := []string{"paths", path, method, "responses", fmt.Sprint(status)}
	if op == nil || s.at(where...) == nil {
		where = []string{"components", "responses", "Problem"}
		if status/100 < 4 {
			return fmt.Errorf("status %d is not described", status)
		}
	}
	if err := checkHead(rec, status); err != nil {
		return err
	}
	if r.Method == http.MethodHead || rec.body.Len() == 0 {
		return nil
	}
	media, err := rec.mediaType()
	if err != nil {
		return fmt.Errorf("%d: %w", status, err)
	}
	if op == nil && media == "text/html" {
		return nil // a page for a browser that is lost
	}
	if s.at(append(where, "content", media)...) == nil {
		return fmt.Errorf("status %d in %s is not described", status, media)
	}
	if media == "application/problem+json" {
		if err := s.checkCode(op, rec.body.Bytes()); err != nil {
			return err
		}
	}
	return s.checkBody(append(where, "content", media), media, rec, broken)
}

// checkHead holds the headers of an answer to what is said about all answers.
func checkHead(rec *recording, status int) error {
	h := rec.Header()
	switch {
	case status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "":
		return errors.New("401 without WWW-Authenticate")
	case status == http.StatusMethodNotAllowed && h.Get("Allow") == "":
		return errors.New("405 without Allow")
	case (status == 503 || status == 507 || status == 429) && h.Get("Retry-After") == "":
		return fmt.Errorf("%d without Retry-After", status)
	}
	return nil
}

// checkCode reports a code that the operation is not said to answer with.
func (s *spec) checkCode(op map[string]any, body []byte) error {
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	list, _ := op["x-codes"].([]any)
	if op == nil || slices.Contains(commonCodes(), p.Code) || slices.Contains(list, any(p.Code)) {
		return nil
	}
	return fmt.Errorf("code %q is not among its x-codes", p.Code)
}

// commonCodes are those that any operation may answer with; the introduction lists them.
func commonCodes() []string {
	return []string{"host_not_allowed", "cross_origin", "target_too_long", "header_too_large", "method_not_allowed", "unknown_parameter", "internal",
		"stopping", "request_timeout", "token_needed", "token_unknown", "scope_too_small", "too_many_wrong_tokens",
		"too_many_requests_at_once", "too_many_bodies", "too_many_writes"}
}

// checkBody holds a body, or each of its lines, to a schema.
func (s *spec) checkBody(where []string, media string, rec *recording, broken bool) error {
	body := io.Reader(bytes.NewReader(rec.body.Bytes()))
	if rec.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = z
	}
	if s.at(append(where, "x-item-schema")...) != nil || s.at(where...)["x-item-schema"] != nil {
		return s.checkItems(append(where, "x-item-schema"), media, body, rec.cut || broken)
	}
	text, err := io.ReadAll(body)
	if rec.cut || broken {
		return nil // a part says nothing
	}
	if err != nil {
		return err
	}
	if media == "application/json" || media == "application/problem+json" {
		return s.checkJSON(append(where, "schema"), text)
	}
	return nil
}

// checkItems holds each line of NDJSON, and each event, to a schema.
func (s *spec) checkItems(where []string, media string, body io.Reader, part bool) error {
	lines := bufio.NewReaderSize(body, mostRecorded+1)
	event := make(map[string]any)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil { // what has no end is a part of a line
			if err != io.EOF && !part {
				return err
			}
			return nil
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		if media != "text/event-stream" {
			if len(line) == 0 {
				continue // a heartbeat
			}
			if err := s.checkJSON(where, line); err != nil {
				return err
			}
			continue
		}
		name, value, _ := strings.Cut(string(line), ": ")
		switch name {
		case "id", "event":
			event[name] = value
		case "data":
			if event["data"], err = jsonschema.UnmarshalJSON(strings.NewReader(value)); err != nil {
				return fmt.Errorf("%w in %s", err, value)
			}
		case "":
			if event["data"] != nil {
				if err := s.validate(where, event); err != nil {
					return err
				}
			}
			event = make(map[string]any)
		}
	}
}

func (s *spec) checkJSON(where []string, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%w in %.300s", err, text)
	}
	return s.validate(where, v)
}

// validate holds a value to the schema at a place of the description.
func (s *spec) validate(where []string, v any) error {
	escaped := make([]string, len(where))
	for i, key := range where {
		escaped[i] = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B").Replace(key)
	}
	place := "spec.json#/" + strings.Join(escaped, "/")
	schema := s.compiled[place]
	if schema == nil {
		var err error
		if schema, err = s.compiler.Compile(place); err != nil {
			return err
		}
		s.compiled[place] = schema
	}
	if err := schema.Validate(v); err != nil {
		text, _ := json.Marshal(v)
		return fmt.Errorf("%w\nin %.600s", err, text)
	}
	return nil
}
