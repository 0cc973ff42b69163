package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	maxLists   = 16        // pages of messages at once
	mostLooked = 10_000    // messages that are looked at for a page
	mostBytes  = 16 << 20  // of messages that are looked at for a page
	pageBytes  = 256 << 10 // of a page, about: it ends with the message that passes this

	// A list reads at most so much at once: of the block where it stands, in all, and of how many blocks.
	listPart, listMessages, listBlocks, listRead = 64, 256, 32, 4 << 20
	listWaiting                                  = 2 * waitingAtOnce

	// A list without bounds rests after it has looked at so much of the chain, where a message counts as its bytes
	// and messageWork, and after each part of the waiting messages.
	restWork, messageWork = 1 << 20, 256

	waitingCursor = "waiting-" // what a cursor among the waiting messages begins with
	digestCursor  = "came-"    // and one among those with a digest
)

// A list goes down the messages: those that wait, newest first, then those on the chain. Its position
// is all that a cursor has.
type list struct {
	server *Server
	filter *filter
	tip    chain.Tip // of the moment before anything was read

	waiting bool   // it is still among the waiting messages
	seq     uint64 // goes on below this one; for a digest it is the number of an arrival

	height   uint64 // of the block where it goes on
	block    core.Hash
	position int  // of the message where it goes on, -1 for the last one
	ended    bool // nothing is left
	reorged  bool

	left, looked, bytes int // messages to show, messages looked at, their bytes
	bounded             bool
	pieces              chain.Pieces

	spans *spans
	emit  func(m *core.Message, where *place)
	full  func() bool // no more is wanted

	rest   func() // lets others go on; nil: this list ends soon
	rested int    // what it had looked at when it did so last
}

// newList returns a list at its start.
func (s *Server) newList(f *filter) *list {
	l := &list{server: s, filter: f, spans: s.spans(), tip: s.deps.Chain.Tip(), waiting: f.status != StatusConfirmed, seq: math.MaxUint64, position: -1}
	l.height, l.block = l.tip.Header.Height, l.tip.Hash
	l.waiting = l.waiting && f.digest == nil
	return l
}

// listParam returns a list at its start, or where a request's cursor says.
func (s *Server) listParam(r *http.Request, f *filter) (*list, error) {
	l := s.newList(f)
	text, err := queryParam(r, "cursor")
	if err != nil || text == "" {
		return l, err
	}
	if f.digest != nil {
		return l, l.resumeDigest(text)
	}
	if rest, ok := strings.CutPrefix(text, waitingCursor); ok {
		return l, l.resumeWaiting(text, rest)
	}
	return l, l.resume(text)
}

// resumeWaiting reads waiting-SEQ-HEIGHT-HASH, where the block was the tip when the page before was
// made: if it left the best chain, messages may wait again that this list has passed.
func (l *list) resumeWaiting(text, rest string) error {
	number, place, _ := strings.Cut(rest, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	height, hash, more, ok := parsePlace(place)
	if err != nil || !ok || more != "" || !l.waiting {
		return badCursor(text)
	}
	l.seq = seq
	at, err := l.server.deps.Chain.HashAt(height)
	l.reorged = errors.Is(err, chain.ErrNotFound) || err == nil && at != hash
	if l.reorged {
		return nil
	}
	return err
}

// resume reads HEIGHT-HASH or HEIGHT-HASH-POSITION. Where that block left the best chain, the list goes
// on with the whole one in its place.
func (l *list) resume(text string) error {
	height, hash, more, ok := parsePlace(text)
	position := uint64(math.MaxInt32)
	if more != "" {
		var err error
		position, err = strconv.ParseUint(more, 10, 31)
		ok = ok && err == nil
	}
	if !ok || l.filter.status == StatusWaiting {
		return badCursor(text)
	}
	l.waiting = false
	at, err := l.server.deps.Chain.HashAt(height)
	switch {
	case errors.Is(err, chain.ErrNotFound): // the tip in its place
		l.reorged = true
		return nil
	case err != nil:
		return err
	case at != hash:
		l.reorged, l.height, l.block = true, height, at
		return nil
	}
	h, err := l.server.deps.Chain.Header(hash)
	if err != nil {
		return err
	}
	if more != "" && position >= uint64(h.MessageCount) {
		return badCursor(text)
	}
	l.height, l.block = height, hash
	if more != "" {
		l.position = int(position)
	}
	return nil
}

// cursor returns where the list goes on, empty at its end.
func (l *list) cursor() string {
	switch {
	case l.ended:
		return ""
	case l.filter.digest != nil:
		return digestCursor + strconv.FormatUint(l.seq, 10)
	case l.waiting:
		return waitingCursor + strconv.FormatUint(l.seq, 10) + "-" + strconv.FormatUint(l.tip.Header.Height, 10) + "-" + l.tip.Hash.String()
	}
	text := strconv.FormatUint(l.height, 10) + "-" + l.block.String()
	if l.position >= 0 {
		text += "-" + strconv.Itoa(l.position)
	}
	return text
}

// run goes on until the list ends or enough was shown or looked at.
func (l *list) run(ctx context.Context) error {
	for l.waiting && !l.enough() {
		if err := l.passWaiting(ctx); err != nil {
			return err
		}
		if l.rest != nil {
			l.rest()
		}
	}
	pass := l.passBlocks
	if l.filter.digest != nil {
		pass = l.passDigest
	}
	for !l.ended && !l.enough() {
		l.restAtTimes()
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := pass(); err != nil {
			return err
		}
	}
	return nil
}

// restAtTimes lets others go on if the list has looked at much.
func (l *list) restAtTimes() {
	if work := l.bytes + messageWork*l.looked; l.rest != nil && work-l.rested >= restWork {
		l.rested = work
		l.rest()
	}
}

// enough reports whether the list is to stop where it is.
func (l *list) enough() bool {
	return l.left <= 0 || l.full() || l.bounded && (l.looked >= mostLooked || l.bytes >= mostBytes)
}

// passWaiting goes through the next waiting messages. When none is left, it goes on at the tip of that
// moment: whatever was sealed before it was seen here is in there.
func (l *list) passWaiting(ctx context.Context) error {
	entries, err := l.server.deps.Archive.WaitingBefore(l.seq, listWaiting)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		tip, err := l.server.settled(ctx)
		if err != nil {
			return err
		}
		l.tip, l.waiting, l.height, l.block, l.position = tip, false, tip.Header.Height, tip.Hash, -1
		l.ended = l.filter.status == StatusWaiting || l.height == 0
		return nil
	}
	for _, entry := range entries {
		if l.enough() {
			return nil
		}
		m, erasure, err := l.server.find(entry.ID)
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			return err
		}
		l.seq = entry.Seq
		if err == nil && l.passes(m) { // else it was dropped meanwhile
			l.emit(m, &place{at: Standing{Status: StatusWaiting}, first: chain.FirstSeen{MS: entry.AcceptedMS, Local: entry.Local}, erasure: erasure})
		}
	}
	return ctx.Err()
}

// passes looks at a message and reports whether it is to be shown.
func (l *list) passes(m *core.Message) bool {
	l.looked++
	l.bytes += m.Size()
	if !l.filter.takes(m) {
		return false
	}
	l.left--
	return true
}

// passBlocks goes through what is read at once: a part of the block where the list stands, and if that
// is its beginning, of those below.
func (l *list) passBlocks() error {
	want, err := l.plan()
	if err != nil {
		return err
	}
	if err := l.server.deps.Archive.Pieces(&l.pieces, want); err != nil {
		return err
	}
	for i := range l.pieces.List {
		p := &l.pieces.List[i]
		if i > 0 && (p.Hash != l.block || !p.Whole()) {
			return nil // a reorg came in between, or it is read by itself next time
		}
		if below, err := l.passPiece(p); !below || err != nil {
			return err
		}
	}
	return nil
}

// plan says what to read next.
func (l *list) plan() (chain.Extract, error) {
	h, err := l.server.deps.Chain.Header(l.block)
	if err != nil {
		return chain.Extract{}, err
	}
	l.height = h.Height
	if l.position < 0 {
		l.position = int(h.MessageCount) - 1
	}
	want := chain.Extract{
		Blocks: []core.Hash{l.block}, From: max(0, l.position-listPart+1), Messages: listMessages, Bytes: listRead,
	}
	if want.From > 0 {
		want.Messages = listPart
		return want, nil
	}
	for below := l.height; below > 1 && len(want.Blocks) < listBlocks; {
		below--
		hash, err := l.server.deps.Chain.HashAt(below)
		if errors.Is(err, chain.ErrNotFound) {
			break
		}
		if err != nil {
			return want, err
		}
		want.Blocks = append(want.Blocks, hash)
	}
	return want, nil
}

// passPiece goes down the messages of a piece, and reports whether the list then stands at the block
// below.
func (l *list) passPiece(p *chain.Piece) (bool, error) {
	if l.position < 0 {
		l.position = p.To() - 1
	}
	if p.Header.MessageCount == 0 {
		l.looked++
	}
	for l.position >= p.From && p.Header.MessageCount > 0 {
		if l.enough() {
			return false, nil
		}
		if m := &p.Messages[l.position-p.From]; l.passes(&m.Message) {
			hash, height, position := p.Hash, p.Header.Height, l.position
			written, err := l.spans.of(&m.Message, hash, height)
			if err != nil {
				return false, err
			}
			at := Standing{StatusConfirmed, &hash, &height, &position, confirmations(l.tip, height)}
			l.emit(&m.Message, &place{at, m.First, &p.Header, written, m.Erasure})
		}
		l.position--
	}
	if p.From > 0 {
		return false, nil
	}
	l.block, l.position = p.Header.PreviousHash, -1
	if p.Header.Height <= 1 {
		l.ended = true
		return false, nil
	}
	l.height = p.Header.Height - 1
	return true, nil
}
