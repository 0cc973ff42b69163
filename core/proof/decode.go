package proof

import (
	"strings"

	"p2pchain/core"
)

const (
	minEnvelope = 118
	maxEnvelope = minEnvelope + core.MaxMediaType
	maxPath     = 64
	nameWithin  = 64 // bytes from the start that must hold the name of the format
)

// Decode reads a proof file. Its errors are *Fault. A proof that it returns encodes to the same bytes
// and has parts that are in form; whether they hold together says Verify.
func Decode(b []byte) (*Proof, error) {
	if len(b) > MaxSize {
		return nil, fault("file", TooLarge, "%d bytes, at most %d", len(b), MaxSize)
	}
	at := strings.Index(string(b[:min(len(b), nameWithin)]), formatName)
	if at < 0 {
		return nil, fault("file", NotAProof, "")
	}
	if version := string(b[at+len(formatName):]); !strings.HasPrefix(version, `1"`) {
		return nil, fault("file", OtherVersion, "")
	}
	s := &scanner{rest: string(b), size: len(b)}
	f := s.file()
	if s.err != nil {
		return nil, s.err
	}
	p, err := f.decode()
	if err != nil {
		return nil, err
	}
	return p, nil
}

// A file is the bytes of a proof's parts.
type file struct {
	params     core.Params
	envelope   []byte
	signature  core.Signature
	body       *core.Body
	block      []byte
	position   int
	path       []core.Hash
	seen, next *step
	tip        []byte // nil if there is none
}

type step struct {
	header []byte
	path   []core.Hash
}

func (s *scanner) file() *file {
	f := new(file)
	s.literal(formatHead)
	f.params = s.params()
	s.literal(`,"message":{"envelope":`)
	f.envelope = s.hex(minEnvelope, maxEnvelope)
	s.literal(`,"signature":`)
	f.signature = core.Signature(s.hex(len(f.signature), len(f.signature)))
	s.literal(`,"body":`)
	if !s.optional("null") {
		f.body = new(core.Body)
		s.literal(`{"salt":`)
		f.body.Salt = [core.SaltSize]byte(s.hex(core.SaltSize, core.SaltSize))
		s.literal(`,"payload":`)
		f.body.Payload = s.base64()
		s.literal("}")
	}
	s.literal(`},"block":{"header":`)
	f.block = s.header()
	s.literal(`,"position":`)
	f.position = s.int()
	s.literal(`,"path":`)
	f.path = s.hashes(maxPath)
	s.literal(`},"seen":`)
	f.seen = s.step()
	s.literal(`,"next":`)
	f.next = s.step()
	s.literal(`,"tip":`)
	if !s.optional("null") {
		f.tip = s.header()
	}
	s.literal("}\n")
	if len(s.rest) > 0 {
		s.fail("the end of the file")
	}
	return f
}

func (s *scanner) step() *step {
	if s.optional("null") {
		return nil
	}
	out := new(step)
	s.literal(`{"header":`)
	out.header = s.header()
	s.literal(`,"path":`)
	out.path = s.hashes(maxPath)
	s.literal("}")
	return out
}

// params reads the parameters in the one form that core.Params.Encode writes; their limits are not
// judged here.
func (s *scanner) params() core.Params {
	var p core.Params
	s.literal(`{"name":`)
	p.Name = s.quoted(isName)
	s.literal(`,"text":`)
	p.Text = s.quoted(isPlain)
	s.literal(`,"genesis_time_ms":`)
	p.GenesisTimeMS = s.number()
	s.literal(`,"pow":`)
	p.Pow = s.quoted(isLetter)
	s.literal(`,"difficulty":`)
	p.Difficulty = s.int()
	s.literal(`,"block_interval_ms":`)
	p.BlockIntervalMS = s.number()
	s.literal(`,"max_payload_bytes":`)
	p.MaxPayloadBytes = s.int()
	s.literal(`,"max_block_messages":`)
	p.MaxBlockMessages = s.int()
	s.literal(`,"max_block_bytes":`)
	p.MaxBlockBytes = s.int()
	s.literal(`,"stamp_bits":`)
	p.StampBits = s.int()
	s.literal(`,"authors":`)
	for _, key := range s.hashes(MaxSize) {
		p.Authors = append(p.Authors, core.PublicKey(key))
	}
	s.literal("}")
	return p
}

// decode reads the parts, which all have their sizes.
func (f *file) decode() (*Proof, *Fault) {
	n, err := core.NewNetwork(f.params)
	if err != nil {
		return nil, fault("network", BadNetwork, "%v", err)
	}
	envelope, rest, err := core.DecodeEnvelope(f.envelope)
	if err != nil {
		return nil, fault("message", BadEnvelope, "%v", err)
	}
	if len(rest) > 0 {
		return nil, fault("message", BadEnvelope, "%d bytes follow it", len(rest))
	}
	p := &Proof{Params: f.params, Position: f.position, Path: f.path}
	p.Message = &core.Message{ID: envelope.ID(n.Genesis), Envelope: envelope, Signature: f.signature, Body: f.body}
	for _, part := range []struct {
		name string
		from []byte
		into func(core.Header)
	}{
		{"block", f.block, func(h core.Header) { p.Block = h }},
		{"seen", f.seen.bytes(), func(h core.Header) { p.Seen = &Step{h, f.seen.path} }},
		{"next", f.next.bytes(), func(h core.Header) { p.Next = &Step{h, f.next.path} }},
		{"tip", f.tip, func(h core.Header) { p.Tip = &h }},
	} {
		if part.from == nil {
			continue
		}
		h, err := core.DecodeHeader(part.from)
		if err != nil {
			return nil, fault(part.name, WrongVersion, "%v", err)
		}
		part.into(h)
	}
	return p, nil
}

// bytes returns nil for a step that is not there.
func (s *step) bytes() []byte {
	if s == nil {
		return nil
	}
	return s.header
}
