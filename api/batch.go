package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"p2pchain/core"
	"p2pchain/core/mempool"
)

const (
	ndjson = "application/x-ndjson"

	maxBatchBody  = 16 << 20
	maxBatchLines = 1 << 16 // its results are kept until the end, at about 64 bytes each, and maxRefusals
	maxBatchTime  = 10 * time.Minute

	// A group is what is made durable together: large enough that an fsync and the turn of a
	// processor cost little for each message.
	groupMessages = 1024
	groupBytes    = 1 << 20

	// maxRefusals is how much memory the refusals of lines may take that have each their own words; the
	// lines after that have codes alone.
	maxRefusals = 1 << 20
	refusalSize = 256 // of one without its words
)

// A batch reads messages line by line and stores them in groups. Its results are sent only after the
// last line was read: many clients do not listen while they talk.
type batch struct {
	server *Server
	in     *bufio.Reader
	once   *once

	line     int           // number of the last line that was read; the batch stops after it
	raw      []byte        // that line, until it counts as read for once
	drafts   []draft       // the group
	at       []int         // index of each draft's outcome
	bytes    int           // of the group's payloads
	number   int           // of the group's first message in the batch
	done     *mempool.Note // what was done with this group before, nil if nothing was
	outcomes []outcome
	stored   bool     // whether any message was
	replayed bool     // whether any group had been done before
	stopped  *Problem // why the batch ended before its last line

	refusals int                 // memory of those with words of their own
	wordless map[string]*Problem // the others, by code
}

// An outcome is a LineResult in less space.
type outcome struct {
	line    int
	id      core.Hash
	known   bool
	problem *Problem
}

// postBatch adds a message for each line of the body. Each line has its own result; the batch stops
// at the first failure that is not the line's own.
func (s *Server) postBatch(w *response, r *http.Request) error {
	if !s.batches.enter(r.Context()) {
		return busy("too_many_batches", "as many batches as this node allows are on their way")
	}
	defer s.batches.leave(r.Context())
	if r.ContentLength > maxBatchBody {
		w.Header().Set("Connection", "close")
		return tooLarge("batch_too_large", "a batch", maxBatchBody)
	}
	body := &patientReader{http.MaxBytesReader(w, r.Body, maxBatchBody), w, s.cfg.ReadTimeout, time.Now().Add(maxBatchTime)}
	once, err := s.once(r, ndjson)
	if err != nil {
		return err
	}
	defer once.end()
	b := &batch{server: s, in: bufio.NewReaderSize(body, int(s.maxJSONBody())), once: once}
	b.read(r.Context())
	if b.stopped != nil && !b.stored {
		return b.stopped // nothing happened, or not now, which a status says best
	}
	if len(b.outcomes) == 0 {
		return notEmpty(0)
	}
	return b.write(w)
}

// read takes in lines until the end of the body or the first failure that is not a line's own.
func (b *batch) read(ctx context.Context) {
	for b.stopped == nil {
		line, err := b.next()
		switch {
		case errors.Is(err, io.EOF):
			b.end(ctx)
			return
		case errors.Is(err, bufio.ErrBufferFull):
			limit := int64(b.server.deps.Network.Params.MaxPayloadBytes)
			b.refuse(tooLarge("payload_too_large", "a message on this network", limit))
		case err != nil:
			b.giveUp(ctx, b.server.problemOf(err))
		case len(b.outcomes) == maxBatchLines:
			b.giveUp(ctx, batchTooLong())
		case len(line) > 0:
			b.once.read(b.raw, b.take(ctx, line))
		default:
			b.once.read(b.raw, false)
		}
	}
}

// batchTooLong is the problem of a batch with too many lines.
func batchTooLong() *Problem {
	p := problem(http.StatusRequestEntityTooLarge, "batch_too_large", "a batch may have at most "+strconv.Itoa(maxBatchLines)+" lines")
	p.Limit = maxBatchLines
	return p
}

// next returns the next line without white space around it; io.EOF at the end of the body, and
// bufio.ErrBufferFull for a line that cannot be a message.
func (b *batch) next() ([]byte, error) {
	b.line++
	line, err := b.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			b.once.read(line, false)
			line, err = b.in.ReadSlice('\n')
		}
		b.once.read(line, false)
		if err == nil || err == io.EOF {
			return nil, bufio.ErrBufferFull
		}
	}
	b.raw, line = line, bytes.TrimSpace(line)
	if err == io.EOF && len(line) > 0 {
		err = nil // the last line needs no end
	}
	if err != nil && err != io.EOF {
		return nil, bodyError(err)
	}
	return line, err
}

// take reads one line, and first stores the group before it if that is full. It reports whether the
// line is in a group now.
func (b *batch) take(ctx context.Context, line []byte) bool {
	d, err := parseLine(line)
	if err == nil {
		err = b.server.check(&d)
	}
	if err != nil {
		b.refuse(b.server.problemOf(err))
		return false
	}
	if b.full() {
		b.flush(ctx, false)
	}
	if len(b.drafts) == 0 && b.stopped == nil {
		b.begin()
	}
	if b.stopped != nil {
		b.line--
		return false
	}
	b.drafts = append(b.drafts, d)
	b.at = append(b.at, len(b.outcomes))
	b.bytes += d.size()
	b.outcomes = append(b.outcomes, outcome{line: b.line})
	return true
}

// full reports whether the group takes no more. One that was done before ends where it ended then.
func (b *batch) full() bool {
	if b.done != nil {
		return len(b.drafts) >= len(b.done.Messages)
	}
	return len(b.drafts) >= groupMessages || b.bytes >= groupBytes
}

// begin looks whether the group that begins was done before.
func (b *batch) begin() {
	done, err := b.once.done(b.number)
	if err != nil {
		b.stop(b.server.problemOf(err))
		b.logFault(b.stopped)
	}
	b.done = done
}

// parseLine reads a JSON string, or an object as in a request with one message.
func parseLine(line []byte) (draft, error) {
	if line[0] != '"' {
		return jsonDraft(line)
	}
	text, err := parseString(line)
	if err != nil {
		return draft{}, err
	}
	return draft{payload: []byte(text)}, notEmpty(len(text))
}

func (b *batch) refuse(p *Problem) {
	b.outcomes = append(b.outcomes, outcome{line: b.line, problem: b.lasting(p)})
}

// lasting returns a refusal as it is kept until the end.
func (b *batch) lasting(p *Problem) *Problem {
	if b.refusals += refusalSize + len(p.Detail); b.refusals <= maxRefusals {
		return p
	}
	if b.wordless == nil {
		b.wordless = make(map[string]*Problem)
	}
	if b.wordless[p.Code] == nil {
		short := problem(p.Status, p.Code, "")
		short.Limit = p.Limit
		b.wordless[p.Code] = short
	}
	return b.wordless[p.Code]
}

// giveUp stores what was read before a line that cannot be taken.
func (b *batch) giveUp(ctx context.Context, p *Problem) {
	b.line--
	b.flush(ctx, false)
	b.stop(p)
}

// end stores the last group.
func (b *batch) end(ctx context.Context) {
	b.flush(ctx, true)
	if b.stopped != nil || b.stored {
		return
	}
	if b.begin(); b.done != nil {
		b.stop(keyReused()) // by a batch that began like this one and went on
	}
}

// stop ends the batch after the last line that was read; the first reason counts.
func (b *batch) stop(p *Problem) {
	if b.stopped == nil {
		b.stopped = p
	}
}

// flush stores the group, or tells what was done with it before.
func (b *batch) flush(ctx context.Context, last bool) {
	if len(b.drafts) == 0 {
		return
	}
	if b.done != nil {
		b.replay(ctx, last)
	} else {
		b.store(ctx, last)
	}
	b.number += len(b.drafts)
	b.drafts, b.at, b.bytes, b.done = b.drafts[:0], b.at[:0], 0, nil
}

// store makes the group durable.
func (b *batch) store(ctx context.Context, last bool) {
	var note *mempool.Note
	if b.once != nil {
		n := b.once.note(b.number, last)
		note = &n
	}
	msgs, errs := b.server.addAll(ctx, b.drafts, note)
	for i, err := range errs {
		b.settle(b.at[i], msgs[i], err)
	}
}

// settle notes what became of a message.
func (b *batch) settle(at int, m *core.Message, err error) {
	out := &b.outcomes[at]
	out.known = errors.Is(err, mempool.ErrKnown)
	if known(err) == nil {
		out.id, b.stored = m.ID, true
		return
	}
	p := b.server.problemOf(err)
	out.problem = b.lasting(p)
	b.logFault(p)
	if p.Status >= 500 {
		b.stop(p)
	}
}

// replay gives the group the outcomes that it had before. Why a message was refused is found out anew.
func (b *batch) replay(ctx context.Context, last bool) {
	if err := b.once.same(b.done, len(b.drafts), last); err != nil {
		b.line, b.outcomes = b.outcomes[b.at[0]].line-1, b.outcomes[:b.at[0]]
		b.stop(b.server.problemOf(err))
		return
	}
	b.replayed = true
	for i, m := range b.done.Messages {
		if m.Result == mempool.Refused {
			msgs, errs := b.server.addAll(ctx, b.drafts[i:i+1], nil)
			b.settle(b.at[i], msgs[0], errs[0])
			continue
		}
		out := &b.outcomes[b.at[i]]
		out.id, out.known = m.ID, m.Result != mempool.Accepted
	}
}

// logFault logs the first failure of our own.
func (b *batch) logFault(p *Problem) {
	if p.Status == http.StatusInternalServerError && b.stopped == nil {
		b.server.cfg.Log.Error("batch failed", "err", p.cause)
	}
}

// write sends a result for each line that was not blank.
func (b *batch) write(w *response) error {
	w.Header().Set("Content-Type", ndjson)
	if b.replayed && !b.stored {
		w.Header().Set(headerReplayed, "true")
	}
	if b.stopped != nil {
		b.stopped.sayWhen(w.Header())
	}
	out := b.server.newStream(w)
	for i := range b.outcomes {
		out.value(b.outcomes[i].result())
		out.raw("\n")
	}
	if b.stopped != nil {
		last := outcome{line: b.line + 1, problem: b.stopped}.result()
		last.Status = LineStopped // also where the line itself is to blame, like one too many
		out.value(last)
		out.raw("\n")
	}
	return out.end()
}

func (o outcome) result() LineResult {
	switch {
	case o.problem != nil:
		status := LineRefused
		if o.problem.Status >= 500 {
			status = LineStopped
		}
		return LineResult{
			Line: o.line, Status: status, Code: o.problem.Code, Detail: o.problem.Detail,
			Limit: o.problem.Limit, HTTPStatus: o.problem.Status,
		}
	case o.known:
		return LineResult{Line: o.line, ID: &o.id, Status: LineKnown}
	}
	return LineResult{Line: o.line, ID: &o.id, Status: LineAccepted}
}

// A patientReader gives the client the same time for every piece, up to an end, or until its lease lapses.
type patientReader struct {
	r       io.Reader
	w       http.ResponseWriter
	timeout time.Duration
	end     time.Time
}

func (p *patientReader) Read(b []byte) (int, error) {
	now := time.Now()
	if now.After(p.end) {
		return 0, os.ErrDeadlineExceeded
	}
	c := http.NewResponseController(p.w)
	if err := c.SetReadDeadline(now.Add(p.timeout)); err != nil {
		return 0, err
	}
	if err := c.SetWriteDeadline(now.Add(2 * p.timeout)); err != nil { // the answer comes after the body
		return 0, err
	}
	n, err := p.r.Read(b)
	if w, ok := p.w.(*response); ok {
		if err := w.lease.check(); err != nil {
			return 0, err
		}
	}
	return n, err
}
