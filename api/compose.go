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

// A draft is what a user gave us to add.
type draft struct {
	payload   []byte
	mediaType string // empty: plain text
}

// textDraft makes a draft of bytes that should be text; what is not UTF-8 travels as bytes.
func textDraft(payload []byte) draft {
	if !utf8.Valid(payload) {
		return draft{payload, octets}
	}
	return draft{payload: payload}
}

// jsonDraft reads {"message": text} or {"payload_base64": bytes}, either with a "media_type".
func jsonDraft(body []byte) (draft, error) {
	members, err := parseObject(body)
	if err != nil {
		return draft{}, err
	}
	const want = "\"message\" or \"payload_base64\", and \"media_type\""
	var text, encoded, media string
	has := make(map[string]bool)
	into := map[string]*string{"message": &text, "payload_base64": &encoded, "media_type": &media}
	for _, m := range members {
		if into[m.key] == nil {
			return draft{}, unknownMember(m.key, want)
		}
		if err := stringMember(m, into[m.key]); err != nil {
			return draft{}, err
		}
		has[m.key] = true
	}
	if has["message"] == has["payload_base64"] {
		return draft{}, badRequest("missing_member", "want either "+want)
	}
	if has["message"] {
		return draft{[]byte(text), media}, notEmpty(len(text))
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return draft{}, badRequest("bad_base64", fmt.Sprintf("payload_base64: %v", err))
	}
	if media == "" {
		media = octets
	}
	return draft{payload, media}, notEmpty(len(payload))
}

// notEmpty refuses what is most likely a mistake.
func notEmpty(size int) error {
	if size == 0 {
		return badRequest("empty_message", "there is nothing to add")
	}
	return nil
}

// check refuses what no message can hold.
func (s *Server) check(d draft) error {
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

// compose makes a message of the node's own.
func (s *Server) compose(d draft) (*core.Message, error) {
	return core.Compose(s.deps.Network, s.deps.Key, core.Draft{
		TimeMS:    uint64(max(0, s.cfg.Now().UnixMilli())),
		Seen:      s.deps.Chain.Tip().Hash,
		MediaType: d.mediaType,
		Payload:   d.payload,
	})
}

// add makes one message durable; when it returns nil, the message waits for a block.
func (s *Server) add(ctx context.Context, d draft) (*core.Message, error) {
	if err := s.check(d); err != nil {
		return nil, err
	}
	if err := s.turn(ctx); err != nil {
		return nil, err
	}
	defer s.writes.release()
	m, err := s.compose(d)
	if err != nil {
		return nil, err
	}
	return m, known(s.deps.Pool.Add([]*core.Message{m}, mempool.Origin{})[0])
}

// addAll makes messages durable together. Both results have an entry for each draft, in order; all
// drafts have passed check.
func (s *Server) addAll(ctx context.Context, drafts []draft) ([]*core.Message, []error) {
	errs := make([]error, len(drafts))
	if err := s.turn(ctx); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return make([]*core.Message, len(drafts)), errs
	}
	defer s.writes.release()
	msgs, err := s.composeAll(drafts)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return msgs, errs
	}
	return msgs, s.deps.Pool.Add(msgs, mempool.Origin{})
}

// composeAll signs on all processors; what fails for one draft that passed check fails for all.
func (s *Server) composeAll(drafts []draft) ([]*core.Message, error) {
	msgs := make([]*core.Message, len(drafts))
	var g errgroup.Group
	part := (len(drafts) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for from := 0; from < len(drafts); from += part {
		g.Go(func() error {
			for i := from; i < min(from+part, len(drafts)); i++ {
				m, err := s.compose(drafts[i])
				if err != nil {
					return err
				}
				msgs[i] = m
			}
			return nil
		})
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
