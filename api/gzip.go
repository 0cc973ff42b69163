package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip" // four times as fast as the standard library's
)

// leastZipped is the size of an answer below which compressing it saves nothing.
const leastZipped = 1 << 10

// A zipper lends out compressors, which take about a MiB each.
type zipper struct{ pool sync.Pool }

// writer returns a compressor to w. Speed counts for more than size: the link is mostly a loopback
// or a LAN.
func (z *zipper) writer(w io.Writer) *gzip.Writer {
	if zw, ok := z.pool.Get().(*gzip.Writer); ok {
		zw.Reset(w)
		return zw
	}
	zw, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // fails for a level that there is not
	return zw
}

// done takes a compressor back.
func (z *zipper) done(zw *gzip.Writer) { z.pool.Put(zw) }

// negotiate says in which form a route that reads is answered: answers to GET hold no secret of others
// that a request could be mixed with, so compressing them tells nothing.
func (s *Server) negotiate(w *response, r *http.Request) {
	w.Header().Add("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		w.zip = &s.bulk.zips
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func acceptsGzip(values []string) bool {
	accepted := false
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, params, _ := strings.Cut(item, ";")
		weight := quality(params)
		switch coding = strings.TrimSpace(coding); {
		case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
			return weight > 0
		case coding == "*":
			accepted = weight > 0
		}
	}
	return accepted
}

// quality returns the weight among the parameters of a list element, 1 where there is none and 0 where
// it is none.
func quality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// wantsNDJSON reports whether a request asks for lines: whether it names their type, and gives it at
// least the weight of JSON.
func wantsNDJSON(w *response, r *http.Request) bool {
	return prefers(w, r, ndjson, "application/json")
}

// prefers reports whether a request names a media type, and gives it at least the weight of the usual one.
func prefers(w *response, r *http.Request, special, usual string) bool {
	w.Header().Add("Vary", "Accept")
	weight, other := 0.0, 0.0
	for item := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, params, _ := strings.Cut(item, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case special:
			weight = quality(params)
		case usual:
			other = quality(params)
		}
	}
	return weight > 0 && weight >= other
}

// writeWhole sends a body that is complete, compressed if the client takes that.
func writeWhole(w *response, status int, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	if w.zip == nil || len(body) < leastZipped {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		w.Write(body) // the client may be gone, which concerns nobody
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	zw := w.zip.writer(w)
	defer w.zip.done(zw)
	zw.Write(body)
	zw.Close()
}
