package web

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// leastZipped is the size of an answer below which compressing it saves nothing.
const leastZipped = 1 << 10

// zippers are compressors to be used again: each takes about a MiB.
type zippers struct{ pool sync.Pool }

// zip compresses a page. Speed counts for more than size: the link is mostly a loopback or a LAN.
func (z *zippers) zip(body []byte) ([]byte, error) {
	var out bytes.Buffer
	zw, ok := z.pool.Get().(*gzip.Writer)
	if !ok {
		var err error
		if zw, err = gzip.NewWriterLevel(nil, gzip.BestSpeed); err != nil {
			return nil, err
		}
	}
	defer z.pool.Put(zw)
	zw.Reset(&out)
	if _, err := zw.Write(body); err != nil {
		return nil, err
	}
	err := zw.Close()
	return out.Bytes(), err
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3), where a weight of 0 means no.
func acceptsGzip(r *http.Request) bool {
	for item := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		value, weighed := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		q, err := strconv.ParseFloat(value, 64)
		return !weighed || err == nil && q > 0
	}
	return false
}

// send writes a whole answer, compressed where that helps and is wanted.
func (s *Site) send(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= leastZipped && acceptsGzip(r) {
		zipped, err := s.zips.zip(body)
		if err != nil {
			return err
		}
		body = zipped
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := w.Write(body); err != nil {
		s.cfg.Log.Debug("a page was not taken", "path", r.URL.Path, "err", err)
	}
	return nil
}
