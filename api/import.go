package api

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
)

const (
	// maxImportTime bounds one import; whoever needs longer repeats it, and what is there is skipped.
	maxImportTime = 24 * time.Hour
	progressEvery = time.Second
)

// The statuses of a line of an import's progress.
const (
	ImportRunning = "running"
	ImportDone    = "done"
	ImportStopped = "stopped" // early; what was taken in before stays
)

// postImport takes in the blocks of a chain file, which is checked while it arrives. Who accepts NDJSON
// hears now and then how far it is; the others get one answer at the end.
func (s *Server) postImport(w *response, r *http.Request) error {
	if s.deps.Import == nil {
		return s.notFound(w, r)
	}
	if err := chainFileType(r); err != nil {
		return err
	}
	if !s.imports.try() {
		return busy("import_running", "another import is on its way")
	}
	release := sync.OnceFunc(s.imports.release)
	defer release()
	body := &countingReader{r: &patientReader{r.Body, w, s.cfg.ReadTimeout, time.Now().Add(maxImportTime)}}
	lines, err := s.openChainFile(body)
	if err != nil {
		return s.importProblem(err, nil)
	}
	if strings.Contains(r.Header.Get("Accept"), ndjson) {
		return s.importAloud(w, r, body, lines, release)
	}
	done, err := s.deps.Import(r.Context(), lines, func(Imported) {})
	if err != nil {
		return s.importProblem(err, &done)
	}
	if err := s.allowAnswer(w); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.importResult(ImportDone, body, done))
}

// allowAnswer gives an answer its time from now on: what came before took as long as it did.
func (s *Server) allowAnswer(w *response) error {
	return http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout))
}

// chainFileType refuses what says of itself that it is something else than a chain file.
func chainFileType(r *http.Request) error {
	media, _, err := mediaType(r)
	if err != nil {
		return err
	}
	switch media {
	case ndjson, "application/gzip", "application/x-gzip", octets:
		return nil
	case "text/plain":
		if r.Header.Get("Content-Type") == "" {
			return nil
		}
	}
	return problem(http.StatusUnsupportedMediaType, "unsupported_media_type",
		fmt.Sprintf("Content-Type %q: want application/x-ndjson, application/gzip or application/octet-stream", r.Header.Get("Content-Type")))
}

// openChainFile reads the first line of a chain file, as it is or as gzip packed it.
func (s *Server) openChainFile(r io.Reader) (*chainfile.Reader, error) {
	buf := bufio.NewReaderSize(r, 256<<10)
	var text io.Reader = buf
	if magic, err := buf.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(buf)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", chainfile.ErrUnverified, err)
		}
		text = gzipped{z}
	}
	lines, err := chainfile.NewReader(text)
	if err != nil {
		return nil, err
	}
	if n := lines.Network(); n.Genesis != s.deps.Network.Genesis {
		return nil, problem(http.StatusConflict, "other_network", fmt.Sprintf("the file is of network %s, this node of %s", n, s.deps.Network))
	}
	return lines, nil
}

// A gzipped reader takes what does not unpack for damage of the file.
type gzipped struct{ *gzip.Reader }

func (g gzipped) Read(b []byte) (int, error) {
	n, err := g.Reader.Read(b)
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", chainfile.ErrUnverified, err)
	}
	return n, err
}

// A countingReader counts what was read.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func (s *Server) importResult(status string, body *countingReader, done Imported) ImportResult {
	tip := s.deps.Chain.Tip()
	return ImportResult{Status: status, Bytes: body.n.Load(), Imported: done, Height: tip.Header.Height, Hash: tip.Hash}
}

// importAloud imports with a line of progress now and then, the first at once and the last about the
// end. After the first one no status can say any more what went wrong, so the last line does.
func (s *Server) importAloud(w *response, r *http.Request, body *countingReader, lines *chainfile.Reader, release func()) error {
	control := http.NewResponseController(w)
	if err := control.EnableFullDuplex(); err != nil { // else the first line would end the body
		return err
	}
	w.Header().Set("Content-Type", ndjson)
	out := json.NewEncoder(&patientWriter{w, s.cfg.WriteTimeout})
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	tell := func(result ImportResult) {
		if out.Encode(result) != nil || control.Flush() != nil {
			cancel() // nobody listens, so nobody sends
		}
	}
	tell(s.importResult(ImportRunning, body, Imported{}))
	told := time.Now()
	done, err := s.deps.Import(ctx, lines, func(now Imported) {
		if time.Since(told) >= progressEvery {
			told = time.Now()
			tell(s.importResult(ImportRunning, body, now))
		}
	})
	release() // who hears of the end may begin the next one
	if err == nil {
		tell(s.importResult(ImportDone, body, done))
		return nil
	}
	p := s.problemOf(s.importProblem(err, nil))
	if p.Status == http.StatusInternalServerError {
		s.cfg.Log.Error("import failed", "err", err)
	}
	last := s.importResult(ImportStopped, body, done)
	last.Code, last.Detail, last.HTTPStatus = p.Code, p.Detail, p.Status
	tell(last)
	return nil
}

// importProblem says what is wrong with a file, and what was taken in before.
func (s *Server) importProblem(err error, done *Imported) error {
	code := ""
	switch {
	case errors.Is(err, consensus.ErrParentUnknown):
		code = "chain_file_begins_above"
	case errors.Is(err, chain.ErrLowWork):
		code = "chain_file_parts_too_deep"
	case errors.Is(err, chainfile.ErrUnverified):
		code = "bad_chain_file"
	}
	p := s.problemOf(bodyError(err))
	if code != "" {
		p = problem(http.StatusUnprocessableEntity, code, err.Error())
		p.cause = err
	}
	p.Imported = done
	return p
}
