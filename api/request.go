package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"p2pchain/core"
)

// maxSmallBody bounds bodies that hold an address or the like.
const maxSmallBody = 8 << 10

// maxJSONBody bounds the JSON of one message: a byte of the payload takes up to six as an escape.
func (s *Server) maxJSONBody() int64 { return int64(6*s.deps.Network.Params.MaxPayloadBytes) + 4<<10 }

// smallBody is for how many bytes memory is taken before they come.
const smallBody = 4 << 10

// readBody reads a whole body of at most limit bytes; a longer one is http.MaxBytesError.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // nobody reads the rest
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if r.ContentLength < 0 || r.ContentLength > smallBody { // memory for what comes, not for what is promised
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if err != nil {
			return nil, bodyError(err)
		}
		return body, nil
	}
	body := make([]byte, r.ContentLength) // net/http ends the body there
	if _, err := io.ReadFull(r.Body, body); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, bodyError(err)
	}
	return body, nil
}

// bodyError says what went wrong with reading a body: a client that sends half of one is told so,
// although it rarely listens.
func bodyError(err error) error {
	if err == io.ErrUnexpectedEOF {
		return badRequest("body_incomplete", "the body of the request ended too early")
	}
	return fmt.Errorf("reading the body: %w", err)
}

// mediaType returns the media type of a body in lower case, with its parameters; text/plain where
// the request names none.
func mediaType(r *http.Request) (string, map[string]string, error) {
	header := r.Header.Get("Content-Type")
	switch header {
	case "":
		return "text/plain", nil, nil
	case "application/json", "text/plain", ndjson, octets, signedMedia: // nearly all; parsing costs a microsecond
		return header, nil, nil
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", nil, unsupported(header)
	}
	return media, params, nil
}

// encoded refuses a body that is compressed or the like: nobody here would undo that, and what is
// stored would not be what was meant.
func encoded(w http.ResponseWriter, r *http.Request) error {
	coding := strings.Join(r.Header.Values("Content-Encoding"), ", ")
	if coding == "" || strings.EqualFold(coding, "identity") {
		return nil
	}
	w.Header().Set("Accept-Encoding", "identity")
	return problem(http.StatusUnsupportedMediaType, "unsupported_encoding",
		fmt.Sprintf("Content-Encoding %q: want a body as it is, without one", coding))
}

// unsupported is the problem of a body in a form that is not known here.
func unsupported(header string) *Problem {
	return problem(http.StatusUnsupportedMediaType, "unsupported_media_type", fmt.Sprintf(
		"Content-Type %q: want text/plain in UTF-8, application/json, application/x-ndjson, application/octet-stream or "+signedMedia, header))
}

// queryParam returns the first value of a parameter. Unlike url.Values it takes a semicolon as the
// character that it is, and reports an escape that is none.
func queryParam(r *http.Request, name string) (string, error) {
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		key, value, _ := strings.Cut(part, "=")
		if key != name {
			continue
		}
		text, err := url.QueryUnescape(value)
		if err != nil {
			return "", badRequest("bad_parameter", fmt.Sprintf("%s: %v", name, err))
		}
		return text, nil
	}
	return "", nil
}

// knows refuses query parameters that a route does not have: a filter with a wrong name would look like
// one that everything passes. So would the second one of the same name, of which only the first is read.
func (t *route) knows(query string) error {
	if query == "" || t.query == anyQuery {
		return nil
	}
	names := strings.Fields(t.query)
	seen := make([]bool, len(names))
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		i := slices.Index(names, name)
		want := "there are none here"
		switch {
		case name == "":
			continue
		case i >= 0 && !seen[i]:
			seen[i] = true
			continue
		case i >= 0:
			want = "want it once"
		case len(names) > 0:
			want = "want " + strings.Join(names, ", ")
		}
		return badRequest("unknown_parameter", fmt.Sprintf("parameter %.80q: %s", name, want))
	}
	return nil
}

// limitParam returns the page size that was asked for, from 1 to most.
func limitParam(r *http.Request, usual, most int) (int, error) {
	text, err := queryParam(r, "limit")
	if err != nil || text == "" {
		return usual, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, badRequest("bad_parameter", fmt.Sprintf("limit %q: want 1 to %d", text, most))
	}
	return n, nil
}

// linesParam returns how many lines a request wants, without a limit where it does not say.
func linesParam(r *http.Request) (int, error) {
	text, err := queryParam(r, "limit")
	if err != nil || text == "" {
		return math.MaxInt, err
	}
	return limitParam(r, 0, math.MaxInt32)
}

// listLimit returns how many entries of a list a request wants: as many as a page has, or lines.
func listLimit(r *http.Request, lines bool) (int, error) {
	if lines {
		return linesParam(r)
	}
	return limitParam(r, usualPage, mostPage)
}

// beforeParam reads a cursor of a list that goes from the highest number down. Numbers are from 1 outside and
// from 0 in the store: what is below this one is below it there too.
func beforeParam(r *http.Request) (uint64, error) {
	cursor, err := cursorParam(r)
	if err != nil || cursor == 0 {
		return math.MaxUint64, err
	}
	return cursor - 1, nil
}

// hashParam reads a hash out of a path.
func hashParam(what, text string) (core.Hash, error) {
	h, err := core.ParseHash(text)
	if err != nil {
		return h, badRequest("bad_hash", fmt.Sprintf("%s %q: want 64 lower-case hex digits", what, text))
	}
	return h, nil
}

const (
	usualWait = 30 * time.Second
	mostWait  = 5 * time.Minute
)

// waitParams returns for how long a request wants to wait for a confirmation, 0 if it does not.
func waitParams(r *http.Request) (time.Duration, error) {
	wait, err := queryParam(r, "wait")
	if err != nil || wait == "" {
		return 0, err
	}
	if wait != StatusConfirmed {
		return 0, badRequest("bad_parameter", fmt.Sprintf("wait %q: want %s", wait, StatusConfirmed))
	}
	text, err := queryParam(r, "timeout")
	if err != nil || text == "" {
		return usualWait, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > mostWait {
		return 0, badRequest("bad_parameter", fmt.Sprintf("timeout %q: want a time like 30s, at most %s", text, mostWait))
	}
	return d, nil
}

// stringMember reads a member that has to be a string.
func stringMember(m member, into *string) error {
	text, err := textMember(m)
	*into = string(text)
	return err
}

// textMember returns a member that has to be a string, never nil.
func textMember(m member) ([]byte, error) {
	if len(m.raw) == 0 || m.raw[0] != '"' {
		return nil, badRequest("bad_member", fmt.Sprintf("member %q: want a string", m.key))
	}
	if bytes.IndexByte(m.raw, '\\') < 0 { // nothing is escaped; a copy, since the rest of the body may be large
		return append(make([]byte, 0, len(m.raw)-2), m.raw[1:len(m.raw)-1]...), nil
	}
	var text string
	err := json.Unmarshal(m.raw, &text) // the parser has seen that it is one
	return []byte(text), err
}

// unknownMember is the problem of a member that nobody would look at.
func unknownMember(key, want string) *Problem {
	return badRequest("unknown_member", fmt.Sprintf("member %q: want %s", key, want))
}
