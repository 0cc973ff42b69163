package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// streamBuffer is how much of a streamed answer is sent at once.
const streamBuffer = 64 << 10

// errGone means that the client does not listen any more.
var errGone = errors.New("client is gone")

// A stream is an answer of unbounded length. Its first error stays and is returned by end.
type stream struct {
	buf  *bufio.Writer
	enc  *json.Encoder
	line bytes.Buffer
	err  error
	free func()
}

// openStream begins an answer that may grow large; the caller closes it in any case. To HEAD it is
// one that ended already, so whoever fills it stops at once.
func (s *Server) openStream(w *response, r *http.Request) (*stream, error) {
	if !s.streams.enter(r.Context()) {
		return nil, busy("too_many_large_answers", "as many large answers as this node allows are on their way")
	}
	w.Header().Set("Content-Type", "application/json")
	out := s.newStream(w)
	out.free = func() { s.streams.leave(r.Context()) }
	if r.Method == http.MethodHead {
		out.err = errGone
	}
	return out, nil
}

// newStream returns a stream that takes no place among the large answers.
func (s *Server) newStream(w *response) *stream {
	out := &stream{buf: bufio.NewWriterSize(&patientWriter{w, s.cfg.WriteTimeout}, streamBuffer), free: func() {}}
	out.enc = json.NewEncoder(&out.line)
	out.enc.SetEscapeHTML(false)
	return out
}

// close gives the place of the stream to another one.
func (o *stream) close() { o.free() }

// raw writes text that is JSON as it stands.
func (o *stream) raw(parts ...string) {
	for _, p := range parts {
		if o.err == nil {
			_, o.err = o.buf.WriteString(p)
		}
	}
}

// value writes any value as JSON.
func (o *stream) value(v any) {
	if o.err != nil {
		return
	}
	o.line.Reset()
	if o.err = o.enc.Encode(v); o.err == nil {
		_, o.err = o.buf.Write(bytes.TrimSuffix(o.line.Bytes(), []byte("\n")))
	}
}

// end sends what is left and returns what went wrong. A client that went away is no error of ours.
func (o *stream) end() error {
	if o.err == nil {
		o.err = o.buf.Flush()
	}
	if errors.Is(o.err, errGone) {
		return nil
	}
	return o.err
}

// A patientWriter gives the client the same time for every piece.
type patientWriter struct {
	w       http.ResponseWriter
	timeout time.Duration
}

func (p *patientWriter) Write(b []byte) (int, error) {
	if err := http.NewResponseController(p.w).SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	n, err := p.w.Write(b)
	if err != nil {
		err = errors.Join(errGone, err)
	}
	return n, err
}
