package proof

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// signAgain gives an edited envelope its id and its author's signature.
func signAgain(n *core.Network, m *core.Message, key int) {
	m.ID = m.Envelope.ID(n.Genesis)
	m.Signature = core.Signature(ed25519.Sign(coretest.Key(key), m.ID[:]))
}

// unstamped changes the nonce until the id lacks the stamp.
func unstamped(n *core.Network, m *core.Message) {
	for core.Stamped(m.ID, n.Params.StampBits) {
		m.Nonce++
		signAgain(n, m, 1)
	}
}

// signedForOther is signed for a network that differs in its text alone.
func signedForOther(n *core.Network, m *core.Message) {
	p := n.Params
	p.Text += " Another one."
	other, err := core.NewNetwork(p)
	if err != nil {
		panic(err)
	}
	id := m.Envelope.ID(other.Genesis)
	m.Signature = core.Signature(ed25519.Sign(coretest.Key(1), id[:]))
}

// envelopeEdited changes the bytes of the envelope in the file.
func envelopeEdited(change func([]byte) []byte) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		p := newScene(t).proof()
		before := p.Message.Envelope.Append(nil)
		after := change(slices.Clone(before))
		return []byte(strings.Replace(string(p.Encode()), hex.EncodeToString(before), hex.EncodeToString(after), 1))
	}
}

func set(at int, values ...byte) func([]byte) []byte {
	return func(b []byte) []byte { copy(b[at:], values); return b }
}

func proofBytes(make func(testing.TB) *Proof) func(testing.TB) []byte {
	return func(t testing.TB) []byte { return make(t).Encode() }
}

func forgedMessages() []forgery {
	message := func(name, code string, make func(testing.TB) []byte) forgery {
		return forgery{"message-" + name, code, "message", make}
	}
	neutral, minusZero, late := [32]byte{0: 1}, [32]byte{0: 1, 31: 0x80}, [32]byte{0: 0xee, 31: 0x7f}
	for i := 1; i < 31; i++ {
		late[i] = 0xff // y = p + 1
	}
	broken := []forgery{
		message("version-2", BadEnvelope, envelopeEdited(set(0, 2))),
		message("after-9999", BadEnvelope, envelopeEdited(set(33, 0, 0, 0xe6, 0x77, 0xd2, 0x1f, 0xdc, 0x00))),
		message("media-type-too-long", BadEnvelope, envelopeEdited(set(81, 65))),
		message("media-type-of-255", BadEnvelope, envelopeEdited(set(81, 255))),
		message("media-type-longer-than-envelope", BadEnvelope, envelopeEdited(set(81, 1))),
		message("media-type-with-control", BadEnvelope, envelopeEdited(func(b []byte) []byte { b[81] = 1; return slices.Insert(b, 82, 0x1f) })),
		message("media-type-with-delete", BadEnvelope, envelopeEdited(func(b []byte) []byte { b[81] = 1; return slices.Insert(b, 82, 0x7f) })),
		message("payload-over-61440", BadEnvelope, envelopeEdited(set(82, 0, 0, 0xf0, 0x01))),
		message("byte-after-envelope", BadEnvelope, envelopeEdited(func(b []byte) []byte { return append(b, 0) })),
		message("payload-too-large", PayloadTooLarge, proofBytes(func(t testing.TB) *Proof {
			return newScene(t, withParams(func(p *core.Params) { p.Name, p.MaxPayloadBytes = "small", 27 })).proof()
		})),
		message("author-not-allowed", AuthorNotAllowed, proofBytes(func(t testing.TB) *Proof { return newScene(t, withParams(authors(0, 2))).proof() })),
		message("stamp-missing", StampMissing, proofBytes(func(t testing.TB) *Proof {
			return newScene(t, withParams(func(p *core.Params) { p.Name, p.StampBits = "stamped", 10 }), withSigned(unstamped)).proof()
		})),
		message("other-payload", BodyMismatch, edited(func(p *Proof) {
			p.Message.Body = &core.Body{Salt: p.Message.Body.Salt, Payload: []byte("The door was locked at five.")}
		})),
		message("longer-payload", BodyMismatch, edited(func(p *Proof) {
			p.Message.Body = &core.Body{Salt: p.Message.Body.Salt, Payload: append(slices.Clone(p.Message.Body.Payload), '!')}
		})),
		message("no-payload", BodyMismatch, edited(func(p *Proof) { p.Message.Body = &core.Body{Salt: p.Message.Body.Salt} })),
		message("other-salt", BodyMismatch, edited(func(p *Proof) { p.Message.Body = &core.Body{Payload: p.Message.Body.Payload} })),
		// A commitment over salt ‖ payload does not say where the salt ends: its size does.
		message("salt-moved", BodyMismatch, edited(func(p *Proof) {
			body := p.Message.Body
			all := slices.Concat([]byte{0}, body.Salt[:], body.Payload)
			p.Message.Body = &core.Body{Salt: [core.SaltSize]byte(all), Payload: all[core.SaltSize:]}
		})),
		message("other-network", BadSignature, edited(func(p *Proof) { p.Params.Text += " Another one." })),
		message("other-network-name", BadSignature, edited(func(p *Proof) { p.Params.Name = "main" })),
		message("signed-for-other-network", BadSignature, proofBytes(func(t testing.TB) *Proof { return newScene(t, withSigned(signedForOther)).proof() })),
		message("signature-bit-of-r", BadSignature, edited(func(p *Proof) { p.Message.Signature[0] ^= 1 })),
		message("signature-bit-of-s", BadSignature, edited(func(p *Proof) { p.Message.Signature[32] ^= 1 })),
		message("signature-zero", BadSignature, edited(func(p *Proof) { p.Message.Signature = core.Signature{} })),
		message("signature-of-neighbour", BadSignature, func(t testing.TB) []byte {
			s := newScene(t)
			p := s.proof()
			p.Message.Signature = s.blocks[at].Messages[0].Signature
			return p.Encode()
		}),
		message("signature-s-plus-order", BadSignature, edited(func(p *Proof) { p.Message.Signature = plusOrder(p.Message.Signature) })),
		message("author-neutral", BadSignature, proofBytes(anybodysKey(neutral))),
		message("author-neutral-not-canonical", BadSignature, proofBytes(anybodysKey(late))),
		message("author-minus-zero", BadSignature, proofBytes(anybodysKey(minusZero))),
		message("author-off-curve", BadSignature, proofBytes(anybodysKey([32]byte{0: 2}))),
		message("r-not-canonical", BadSignature, proofBytes(lateR(late))),
		message("r-minus-zero", BadSignature, proofBytes(lateR(minusZero))),
		message("other-author", BadSignature, edited(func(p *Proof) { p.Message.Author = coretest.Author(2) })),
		message("other-time", BadSignature, edited(func(p *Proof) { p.Message.TimeMS++ })),
		message("other-seen-hash", BadSignature, edited(func(p *Proof) { p.Message.Seen[0] ^= 1 })),
		message("other-nonce", BadSignature, edited(func(p *Proof) { p.Message.Nonce++ })),
		message("other-media-type", BadSignature, edited(func(p *Proof) { p.Message.MediaType = "text/html" })),
		message("other-commitment", BadSignature, edited(func(p *Proof) {
			p.Message.Body = &core.Body{Payload: []byte("The door was locked at five.")}
			p.Message.Commitment = core.Commit(p.Message.Body.Salt, p.Message.Body.Payload)
		})),
	}
	for i := 1; i < 8; i++ { // all other points of small order
		broken = append(broken, message(fmt.Sprintf("author-small-order-%d", i), BadSignature, proofBytes(anybodysKey(compress(curve.EIGHT_TORSION[i])))))
	}
	for _, part := range []string{"block", "seen", "next", "tip"} {
		broken = append(broken, forgery{part + "-version", WrongVersion, part, edited0(func(b string) string {
			at := strings.Index(b, `"`+part+`":`)
			return b[:at] + strings.Replace(b[at:], `"70326331`, `"70326332`, 1)
		})})
	}
	return broken
}
