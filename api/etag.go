package api

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"p2pchain/core"
)

// tagOf returns the ETag of what the best chain alone decides, as it was at a tip. It must be the tip
// from before anything was read: what was read later may only be newer than its tag says. It is a
// strong one, so it names the form of the answer, too, and the run of the program, whose next version
// may have other forms.
func (s *Server) tagOf(w *response, tip core.Hash, form string) string {
	tag := make([]byte, 0, 128)
	tag = hex.AppendEncode(append(tag, '"'), tip[core.HashSize/2:]) // the other half is zeros, mostly
	tag = strconv.AppendInt(append(tag, '-'), s.started.UnixMilli(), 36)
	tag = append(append(epochTag(tag, w.epoch), '-'), form...)
	if w.zip != nil {
		tag = append(tag, "-gzip"...)
	}
	return string(append(tag, '"'))
}

// The forms of answers.
const (
	formJSON  = "json"
	formLines = "lines"
	formProof = "proof"
	formPaper = "receipt"
)

// unchanged gives the answer its ETag, and sends no more than 304 if the client has it already.
func unchanged(w *response, r *http.Request, tag string) bool {
	w.Header().Set("ETag", tag)
	if !matches(r.Header.Values("If-None-Match"), tag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// matches reads If-None-Match (RFC 9110, section 13.1.2), which compares weakly.
func matches(values []string, tag string) bool {
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		item = strings.TrimSpace(item)
		if item == "*" || strings.TrimPrefix(item, "W/") == tag {
			return true
		}
	}
	return false
}
