package proof

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"p2pchain/core"
)

const (
	// MediaType is the media type of a proof file.
	MediaType = "application/vnd.p2pchain.proof+json"
	// Extension is the ending of a proof file's name.
	Extension = ".p2pproof"
	// MaxSize is the largest size of a proof file in bytes, with room to spare: one with the largest
	// payload and 1,024 authors has about 170,000.
	MaxSize = 256 << 10

	formatName = "p2pchain-proof/"
	formatHead = `{"format":"` + formatName + `1","network":`
)

// A Proof is what a proof file holds. Nothing in it was judged: see Verify.
type Proof struct {
	Params   core.Params
	Message  *core.Message // its body is nil where it was erased or left out
	Block    core.Header   // the message's
	Position int           // of the message in its block
	Path     []core.Hash   // from the message to Block.MessageRoot
	Seen     *Step         // the block that the author had seen, in the history of Block; nil: no lower bound
	Next     *Step         // the block after Block, in the history of Tip; nil: nothing lies on Block yet
	Tip      *core.Header  // a later header; nil where Next is the last one, or nil
}

// A Step is a header and its path through the history tree of a later one.
type Step struct {
	Header core.Header
	Path   []core.Hash
}

// WithoutBody returns the proof without salt and payload. It proves as much about the message, but does
// not show its content.
func (p *Proof) WithoutBody() *Proof {
	bare, message := *p, *p.Message
	message.Body = nil
	bare.Message = &message
	return &bare
}

// Encode returns the bytes of the proof file, which end with a newline.
func (p *Proof) Encode() []byte {
	b := append(make([]byte, 0, 8<<10), formatHead...)
	b = append(b, p.Params.Encode()...)
	b = append(b, `,"message":{"envelope":"`...)
	b = hex.AppendEncode(b, p.Message.Envelope.Append(nil))
	b = append(b, `","signature":"`...)
	b = hex.AppendEncode(b, p.Message.Signature[:])
	b = append(b, `","body":`...)
	if body := p.Message.Body; body == nil {
		b = append(b, "null"...)
	} else {
		b = hex.AppendEncode(append(b, `{"salt":"`...), body.Salt[:])
		b = base64.StdEncoding.AppendEncode(append(b, `","payload":"`...), body.Payload)
		b = append(b, `"}`...)
	}
	b = appendHeader(append(b, `},"block":{"header":`...), &p.Block)
	b = strconv.AppendInt(append(b, `,"position":`...), int64(p.Position), 10)
	b = appendPath(append(b, `,"path":`...), p.Path)
	b = appendStep(append(b, `},"seen":`...), p.Seen)
	b = appendStep(append(b, `,"next":`...), p.Next)
	b = append(b, `,"tip":`...)
	if p.Tip == nil {
		b = append(b, "null"...)
	} else {
		b = appendHeader(b, p.Tip)
	}
	return append(b, "}\n"...)
}

func appendStep(b []byte, s *Step) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	b = appendHeader(append(b, `{"header":`...), &s.Header)
	b = appendPath(append(b, `,"path":`...), s.Path)
	return append(b, '}')
}

func appendHeader(b []byte, h *core.Header) []byte {
	encoded := h.Encode()
	return append(hex.AppendEncode(append(b, '"'), encoded[:]), '"')
}

func appendPath(b []byte, path []core.Hash) []byte {
	b = append(b, '[')
	for i := range path {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(hex.AppendEncode(append(b, '"'), path[i][:]), '"')
	}
	return append(b, ']')
}
