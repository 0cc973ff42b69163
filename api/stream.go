package api

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/klauspost/compress/gzip"

	"p2pchain/core/background"
)

const (
	// streamBuffer is how much of a streamed answer is sent at once.
	streamBuffer = 64 << 10
	// streamAhead is how many of these a stream makes ahead of what was sent.
	streamAhead = 4
	// breath is a pause after each part. While all processors of Go are busy, nobody looks for requests that
	// came for up to 10 ms; one that idles for a moment does.
	breath = 20 * time.Microsecond
	// streamNiceness is that of the threads that make and send large answers: the miner's, so that neither
	// of the two starves the other.
	streamNiceness = 19
)

// errGone means that the client does not listen any more.
var errGone = errors.New("client is gone")

// bulk bounds what large answers take from a node that has more to do.
type bulk struct {
	zips zipper
	// turns are who may make parts of large answers at the same time: all of them together leave a
	// processor to the others. Nobody keeps a turn while he waits for his client.
	turns slots
	lists slots  // pages at once, in the order in which they were asked for
	share *share // of them
}

func newBulk() bulk {
	return bulk{turns: make(slots, max(1, runtime.NumCPU()/2)), lists: make(slots, maxLists), share: newShare(maxLists / 2)}
}

// A stream is an answer of unbounded length. Who fills it makes the next parts while the last ones are
// on their way. Its first error stays and is returned by end.
type stream struct {
	buf []byte // what was not handed over yet
	err error

	w      *response
	to     *patientWriter
	log    *slog.Logger
	free   func() // gives back what the stream holds
	turns  slots  // nil: the stream needs none
	turn   bool   // it has one: from its second part on
	zip    *gzip.Writer
	zipped []byte // by zip, and not handed over yet
	began  bool   // zip has got something

	full, empty chan []byte // nil until something was handed over
	sent        chan error  // the sender's first error, once it has ended
}

// openStream begins an answer that may grow large; the caller closes it in any case. To HEAD it is
// one that ended already, so whoever fills it stops at once.
func (s *Server) openStream(w *response, r *http.Request) (*stream, error) {
	if !s.streams.enter(r.Context()) {
		return nil, busy("too_many_large_answers", "as many large answers as this node allows are on their way")
	}
	w.Header().Set("Content-Type", "application/json")
	out := s.newStream(w)
	out.turns, out.free = s.bulk.turns, func() { s.streams.leave(r.Context()) }
	if w.zip != nil {
		out.zip = w.zip.writer((*zipSink)(out))
	}
	if r.Method == http.MethodHead {
		out.err = errGone
	}
	return out, nil
}

// newStream returns a stream that takes no place among the large answers.
func (s *Server) newStream(w *response) *stream {
	return &stream{w: w, to: &patientWriter{w, s.cfg.WriteTimeout}, log: s.cfg.Log, free: func() {}}
}

// close ends the stream and gives its place to another one.
func (o *stream) close() {
	o.join()
	o.unzip()
	o.free()
	o.free = func() {}
}

// unzip ends compressing.
func (o *stream) unzip() {
	if o.zip != nil {
		o.w.zip.done(o.zip)
		o.zip = nil
	}
}

// raw writes text that is JSON as it stands.
func (o *stream) raw(parts ...string) {
	for _, p := range parts {
		o.buf = append(o.buf, p...)
	}
	o.ship()
}

// value writes any value as JSON.
func (o *stream) value(v any) {
	text, err := encode(v)
	if err != nil && o.err == nil {
		o.err = err
	}
	if err == nil {
		o.buf = append(o.buf, text[:len(text)-1]...)
	}
	o.ship()
}

// Write implements io.Writer for those who make their own bytes.
func (o *stream) Write(b []byte) (int, error) {
	o.buf = append(o.buf, b...)
	o.ship()
	return len(b), o.err
}

// ship hands buf over if it is large. Whoever appends to buf by himself calls it now and then.
func (o *stream) ship() {
	if o.err != nil {
		o.buf = o.buf[:0] // nobody wants it
	} else if len(o.buf) >= streamBuffer {
		o.pass()
	}
}

// pass hands buf over.
func (o *stream) pass() {
	if o.zip == nil {
		o.buf = o.send(o.buf)
		return
	}
	o.began = true
	if _, err := o.zip.Write(o.buf); err != nil && o.err == nil {
		o.err = err
	}
	o.buf = o.buf[:0]
}

// A zipSink is the stream as its compressor sees it.
type zipSink stream

func (z *zipSink) Write(b []byte) (int, error) {
	z.zipped = append(z.zipped, b...)
	if len(z.zipped) >= streamBuffer {
		z.zipped = (*stream)(z).send(z.zipped)
	}
	return len(b), z.err
}

// send gives a part to the sender and returns memory for the next one. The turn goes to another stream
// first, and only then back to this one.
func (o *stream) send(part []byte) []byte {
	if o.full == nil {
		o.start()
	}
	o.full <- part // there is room: all memory that there is fits
	o.yield()
	next, ok := <-o.empty
	if !ok && o.err == nil {
		o.err = errGone // or worse: join knows
	}
	o.takeTurn()
	return next[:0]
}

// takeTurn returns as soon as the stream has a turn.
func (o *stream) takeTurn() {
	if o.turns == nil {
		return
	}
	time.Sleep(breath)
	o.turns <- struct{}{}
	o.turn = true
}

// giveWay lets others go on for a while. Who looks for something and finds nothing to send calls it now
// and then.
func (o *stream) giveWay() {
	o.yield()
	o.takeTurn()
}

// start starts the sender.
func (o *stream) start() {
	o.full, o.empty, o.sent = make(chan []byte, streamAhead+1), make(chan []byte, streamAhead), make(chan error, 1)
	for range streamAhead {
		o.empty <- nil
	}
	if o.zip != nil {
		o.w.Header().Set("Content-Encoding", "gzip")
	}
	go background.Call(streamNiceness, o.log, o.sender)
}

// yield gives the turn away.
func (o *stream) yield() {
	if o.turn {
		o.turns.release()
		o.turn = false
	}
}

// sender sends part after part until there are no more, or the client takes none.
func (o *stream) sender() {
	var err error
	for part := range o.full {
		if err == nil {
			if _, err = o.to.Write(part); err != nil {
				close(o.empty)
			}
		}
		if err == nil {
			o.empty <- part
		}
	}
	o.sent <- err
}

// join waits for the sender.
func (o *stream) join() {
	o.yield()
	if o.full == nil {
		return
	}
	close(o.full)
	if err := <-o.sent; err != nil {
		o.err = err
	}
	o.full = nil
}

// end sends what is left and returns what went wrong. A client that went away is no error of ours.
func (o *stream) end() error {
	small := o.full == nil && !o.began && len(o.buf) < leastZipped && o.err == nil
	if o.zip != nil && !small {
		o.finishZip()
	}
	o.join()
	if o.err == nil && len(o.buf) > 0 {
		_, o.err = o.to.Write(o.buf)
	}
	if errors.Is(o.err, errGone) {
		return nil
	}
	return o.err
}

// finishZip compresses what is left. The coding is said as late as can be: a problem is not compressed.
func (o *stream) finishZip() {
	if o.err == nil {
		o.pass()
	}
	if o.err == nil {
		o.err = o.zip.Close()
	}
	o.buf = o.zipped
	if o.full == nil && (o.err == nil || errors.Is(o.err, errGone)) { // the latter to HEAD
		o.w.Header().Set("Content-Encoding", "gzip")
	}
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
	if err != nil && !errors.Is(err, errLapsed) {
		err = errors.Join(errGone, err)
	}
	return n, err
}
