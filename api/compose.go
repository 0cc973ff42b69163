package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/core/mempool"
)

const (
	octets = "application/octet-stream"
	// writePatience is how long a write waits for its turn.
	writePatience = 5 * time.Second
)

// A draft is what a user gave us to add: what we sign, or a message that comes signed.
type draft struct {
	payload   []byte
	mediaType string // empty: plain text

	encoded []byte        // of a message that comes signed, until check
	signed  *core.Message // the same after it
}

// size returns how many bytes of memory a draft that passed check takes, about.
func (d *draft) size() int {
	if d.signed != nil {
		return d.signed.Size()
	}
	return len(d.payload)
}

// textDraft makes a draft of bytes that should be text; what is not UTF-8 travels as bytes.
func textDraft(payload []byte) draft {
	if !utf8.Valid(payload) {
		return draft{payload: payload, mediaType: octets}
	}
	return draft{payload: payload}
}

// jsonDraft reads {"message": text}, {"payload_base64": bytes}, either with a "media_type", or
// {"signed": bytes}.
func jsonDraft(body []byte) (draft, error) {
	members, err := parseObject(body)
	if err != nil {
		return draft{}, err
	}
	var message, encoded, signed, media []byte // nil: absent
	for i := range members {
		into := &media
		switch members[i].key {
		case "message":
			into = &message
		case "payload_base64":
			into = &encoded
		case "signed":
			into = &signed
		case "media_type":
		default:
			return draft{}, unknownMember(members[i].key, jsonMembers)
		}
		if *into, err = textMember(members[i]); err != nil {
			return draft{}, err
		}
	}
	d := draft{mediaType: string(media)}
	switch {
	case message != nil && encoded == nil && signed == nil:
		d.payload = message
		return d, notEmpty(len(d.payload))
	case message == nil && encoded != nil && signed == nil:
		if d.mediaType == "" {
			d.mediaType = octets
		}
		d.payload, err = base64Member("payload_base64", encoded)
		return d, err
	case message == nil && encoded == nil && signed != nil && media == nil:
		d.encoded, err = base64Member("signed", signed)
		return d, err
	}
	return draft{}, badRequest("missing_member", "want either "+jsonMembers)
}

const jsonMembers = "\"message\" or \"payload_base64\", and \"media_type\", or \"signed\" alone"

// base64Member decodes a member that may not be empty.
func base64Member(name string, text []byte) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return nil, badRequest("bad_base64", fmt.Sprintf("%s: %v", name, err))
	}
	return b, notEmpty(len(b))
}

// notEmpty refuses what is most likely a mistake.
func notEmpty(size int) error {
	if size == 0 {
		return badRequest("empty_message", "there is nothing to add")
	}
	return nil
}

// check refuses what no message can hold, and decodes one that comes signed.
func (s *Server) check(d *draft) (err error) {
	if d.encoded != nil {
		d.signed, err = s.decodeSigned(d.encoded)
		d.encoded = nil
		return err
	}
	limit := s.deps.Network.Params.MaxPayloadBytes
	if len(d.payload) > limit {
		return tooLarge("payload_too_large", "a message on this network", int64(limit))
	}
	if len(d.mediaType) > core.MaxMediaType {
		return badRequest("bad_media_type", fmt.Sprintf("media_type may have at most %d characters", core.MaxMediaType))
	}
	for i := range len(d.mediaType) {
		if c := d.mediaType[i]; c < 0x20 || c > 0x7e {
			return badRequest("bad_media_type", "media_type may hold printable ASCII only")
		}
	}
	if d.mediaType == "" {
		return nil
	}
	if media, _, err := mime.ParseMediaType(d.mediaType); err != nil || !strings.Contains(media, "/") {
		return badRequest("bad_media_type", fmt.Sprintf("media_type %q: want one like image/png", d.mediaType))
	}
	return nil
}

// compose makes a message of the node's own, unless the draft is a message already.
func (s *Server) compose(d draft) (*core.Message, error) {
	if d.signed != nil {
		return d.signed, nil
	}
	return core.Compose(s.deps.Network, s.deps.Key, core.Draft{
		TimeMS:    uint64(max(0, s.cfg.Now().UnixMilli())),
		Seen:      s.deps.Chain.Tip().Hash,
		MediaType: d.mediaType,
		Payload:   d.payload,
	})
}

// add makes one message durable. With no error, or with mempool.ErrKnown, it waits for a block or is in
// one.
func (s *Server) add(ctx context.Context, d draft, note *mempool.Note) (*core.Message, error) {
	if err := s.check(&d); err != nil {
		return nil, err
	}
	msgs, errs := s.addAll(ctx, []draft{d}, note)
	return msgs[0], errs[0]
}

// addAll makes messages durable together, with a note unless that is nil. Both results have an entry
// for each draft, in order; all drafts have passed check.
func (s *Server) addAll(ctx context.Context, drafts []draft, note *mempool.Note) ([]*core.Message, []error) {
	fail := func(err error) ([]*core.Message, []error) {
		errs := make([]error, len(drafts))
		for i := range errs {
			errs[i] = err
		}
		return make([]*core.Message, len(drafts)), errs
	}
	if err := s.turn(ctx); err != nil {
		return fail(err)
	}
	defer s.writes.release()
	msgs, err := s.composeAll(drafts)
	if err != nil {
		return fail(err)
	}
	from := mempool.Origin{Made: true}
	for i := range drafts {
		from.Made = from.Made && drafts[i].signed == nil
	}
	if note != nil {
		return msgs, s.deps.Pool.AddNoted(msgs, from, *note)
	}
	return msgs, s.deps.Pool.Add(msgs, from)
}

// minCompose is the fewest messages to sign for which another goroutine pays.
const minCompose = 8

// composeAll signs on all processors; what fails for one draft that passed check fails for all.
func (s *Server) composeAll(drafts []draft) ([]*core.Message, error) {
	msgs := make([]*core.Message, len(drafts))
	compose := func(from, to int) error {
		for i := from; i < to; i++ {
			m, err := s.compose(drafts[i])
			if err != nil {
				return err
			}
			msgs[i] = m
		}
		return nil
	}
	if len(drafts) < minCompose {
		return msgs, compose(0, len(drafts))
	}
	var g errgroup.Group
	part := (len(drafts) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for from := 0; from < len(drafts); from += part {
		g.Go(func() error { return compose(from, min(from+part, len(drafts))) })
	}
	return msgs, g.Wait()
}

// turn waits until this write may go on.
func (s *Server) turn(ctx context.Context) error {
	if s.writes.try() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	if !s.writes.wait(ctx) {
		return busy("too_many_writes_at_once", "this node stores as many messages at once as it may")
	}
	return nil
}

// known drops the harmless error of a message that is durable already.
func known(err error) error {
	if errors.Is(err, mempool.ErrKnown) {
		return nil
	}
	return err
}
