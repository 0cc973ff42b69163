package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// A Problem is an error as a client gets it: problem details of RFC 9457 with a code that never
// changes its meaning.
type Problem struct {
	Type   string `json:"type"` // always about:blank: Code says what it is
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
	// Limit is the limit that was passed, in the unit that Detail names.
	Limit int64 `json:"limit,omitempty"`
	// Message is seed 1's member for unknown paths.
	Message string `json:"message,omitempty"`
	// Imported is what an import took in before it ended; it stays.
	Imported *Imported `json:"imported,omitempty"`

	retry     time.Duration // when to come again
	challenge string        // how to authenticate
	cause     error
}

// maxDetail bounds the bytes of a detail, which may quote what strangers sent.
const maxDetail = 2 << 10

// problem makes a Problem; the title follows from the status.
func problem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: brief(detail)}
}

// brief returns a text without an end that is too long.
func brief(text string) string {
	if len(text) <= maxDetail {
		return text
	}
	end := maxDetail
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…" // a copy, which does not keep the whole
}

// badRequest is the problem of a request that has to be written differently.
func badRequest(code, detail string) *Problem { return problem(http.StatusBadRequest, code, detail) }

// busy is the problem of a request that may be tried again after a while.
func busy(code, detail string) *Problem {
	p := problem(http.StatusServiceUnavailable, code, detail)
	p.retry = time.Second
	return p
}

// tooLarge is the problem of something that is larger than its limit in bytes.
func tooLarge(code, what string, limit int64) *Problem {
	p := problem(http.StatusRequestEntityTooLarge, code, what+" may have at most "+strconv.FormatInt(limit, 10)+" bytes")
	p.Limit = limit
	return p
}

// Error returns the code and the detail.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// Unwrap returns the error that the problem stands for, nil where it is its own.
func (p *Problem) Unwrap() error { return p.cause }

// write sends the problem.
func (p *Problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil {
		panic("api: encoding a problem: " + err.Error()) // strings and numbers only
	}
	h := w.Header()
	h.Del("ETag") // of what was to be sent
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	p.sayWhen(h)
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	w.WriteHeader(p.Status)
	w.Write(append(body, '\n')) // the client may be gone, which concerns nobody
}

// sayWhen sets Retry-After, which every answer has that says "not now".
func (p *Problem) sayWhen(h http.Header) {
	retry := p.retry
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		retry = max(retry, time.Second)
	}
	if retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((retry+time.Second-1)/time.Second)))
	}
}
