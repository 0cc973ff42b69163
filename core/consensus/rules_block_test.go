package consensus_test

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// inBlock judges a valid header with these messages, and once more without bodies: the verdict must
// be the same.
func inBlock(n func(t *testing.T) *core.Network, msgs func(t *testing.T, n *core.Network) []*core.Message) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := n(t)
		b := coretest.Next(t, n, coretest.Genesis(n), msgs(t, n)...)
		err, bare := consensus.CheckBlock(n, b), consensus.CheckBlock(n, coretest.WithoutBodies(b))
		if (err == nil) != (bare == nil) || err != nil && err.Error() != bare.Error() {
			t.Errorf("with bodies %v, without %v", err, bare)
		}
		return err
	}
}

// editedBlock judges a valid block of three messages after an edit that keeps its hash.
func editedBlock(edit func(t *testing.T, n *core.Network, b *core.Block)) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := testNetwork(t)
		b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 3)...)
		edit(t, n, b)
		return consensus.CheckBlock(n, b)
	}
}

// alone judges one message by CheckMessage and its signature.
func alone(n func(t *testing.T) *core.Network, message func(t *testing.T, n *core.Network) *core.Message) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := n(t)
		m := message(t, n)
		if err := consensus.CheckMessage(n, m); err != nil {
			return err
		}
		return consensus.CheckSignature(m)
	}
}

func networkWith(edit func(*core.Params)) func(t *testing.T) *core.Network {
	return func(t *testing.T) *core.Network { return coretest.Network(t, edit) }
}

// sign makes an edited message consistent again, but for its stamp.
func sign(n *core.Network, key ed25519.PrivateKey, m *core.Message) *core.Message {
	m.ID = m.Envelope.ID(n.Genesis)
	m.Signature = core.Signature(ed25519.Sign(key, m.ID[:]))
	return m
}

// otherNetwork differs in one character of its text.
func otherNetwork(t *testing.T) *core.Network {
	return coretest.Network(t, func(p *core.Params) { p.Text += "!" })
}

type (
	network  = func(t *testing.T) *core.Network
	message  = func(t *testing.T, n *core.Network) *core.Message
	makeCase = func(rule error, name string, judge func(*testing.T) error) ruleCase
)

// aloneAndAmong makes two cases of a message: alone, and in a block between two good ones.
func aloneAndAmong(c makeCase, rule error, name string, n network, m message) []ruleCase {
	among := func(t *testing.T, n *core.Network) []*core.Message {
		return []*core.Message{text(0, "before")(t, n), m(t, n), text(0, "after")(t, n)}
	}
	return []ruleCase{c(rule, name, alone(n, m)), c(rule, name+", in a block", inBlock(n, among))}
}

func messageCases() []ruleCase {
	var out []ruleCase
	add := func(c makeCase, rule error, name string, n network, m message) {
		out = append(out, aloneAndAmong(c, rule, name, n, m)...)
	}
	short := networkWith(func(p *core.Params) { p.MaxPayloadBytes = 10 })
	closed := networkWith(func(p *core.Params) {
		p.Authors = []core.PublicKey{coretest.Author(0), coretest.Author(1), coretest.Author(2)}
		slices.SortFunc(p.Authors, func(a, b core.PublicKey) int { return core.Hash(a).Compare(core.Hash(b)) })
	})
	stamped := networkWith(func(p *core.Params) { p.StampBits = 6 })

	add(keeps, consensus.ErrPayloadSize, "as large as may be", short, text(0, "0123456789"))
	add(breaks, consensus.ErrPayloadSize, "one byte too large", short, text(0, "0123456789a"))
	add(keeps, consensus.ErrPayloadSize, "empty", short, text(0, ""))
	add(breaks, consensus.ErrPayloadSize, "any network's limit", testNetwork, text(0, strings.Repeat("x", core.MaxPayload)))

	add(keeps, consensus.ErrAuthor, "the first", closed, text(0, "a"))
	add(keeps, consensus.ErrAuthor, "the last", closed, text(2, "a"))
	add(breaks, consensus.ErrAuthor, "a stranger", closed, text(3, "a"))
	add(keeps, consensus.ErrAuthor, "anybody where none are named", testNetwork, text(3, "a"))

	add(keeps, consensus.ErrStamp, "stamped", stamped, text(0, "a"))
	add(breaks, consensus.ErrStamp, "one zero bit short", stamped, unstamped)
	return slices.Concat(out, signatureCases(), bodyCases())
}

func signatureCases() []ruleCase {
	var out []ruleCase
	add := func(c makeCase, rule error, name string, n network, m message) {
		out = append(out, aloneAndAmong(c, rule, name, n, m)...)
	}
	add(keeps, consensus.ErrSignature, "the author's", testNetwork, text(1, "a"))
	add(breaks, consensus.ErrSignature, "another key's", testNetwork, func(t *testing.T, n *core.Network) *core.Message {
		m := text(1, "a")(t, n)
		m.Signature = core.Signature(ed25519.Sign(coretest.Key(2), m.ID[:]))
		return m
	})
	add(breaks, consensus.ErrSignature, "another message's", testNetwork, func(t *testing.T, n *core.Network) *core.Message {
		m := text(1, "a")(t, n)
		m.Signature = text(1, "b")(t, n).Signature
		return m
	})
	add(breaks, consensus.ErrSignature, "none", testNetwork, func(t *testing.T, n *core.Network) *core.Message {
		m := text(1, "a")(t, n)
		m.Signature = core.Signature{}
		return m
	})
	add(breaks, consensus.ErrSignature, "a message of another network, read from its bytes", testNetwork, fromOtherNetwork)

	add(keeps, consensus.ErrMessageID, "this network's", testNetwork, text(0, "a"))
	add(breaks, consensus.ErrMessageID, "a message of another network with its id", testNetwork, func(t *testing.T, _ *core.Network) *core.Message {
		return text(0, "a")(t, otherNetwork(t))
	})
	add(breaks, consensus.ErrMessageID, "an edited envelope", testNetwork, func(t *testing.T, n *core.Network) *core.Message {
		m := text(0, "a")(t, n)
		m.TimeMS++
		return m
	})
	return out
}

func text(key int, s string) func(t *testing.T, n *core.Network) *core.Message {
	return func(t *testing.T, n *core.Network) *core.Message {
		return coretest.Message(t, n, coretest.Key(key), s)
	}
}

// unstamped returns a signed message whose id lacks the last bit of the network's stamp.
func unstamped(t *testing.T, n *core.Network) *core.Message {
	m := text(0, "a")(t, n)
	short := n.Params.StampBits - 1
	for !core.Stamped(m.ID, short) || core.Stamped(m.ID, short+1) {
		m.Nonce++
		sign(n, coretest.Key(0), m)
	}
	return m
}

// fromOtherNetwork returns what the bytes of a message of another network are on this one: the id
// commits to the genesis hash, so it differs, and the signature is none.
func fromOtherNetwork(t *testing.T, n *core.Network) *core.Message {
	theirs := text(0, "a")(t, otherNetwork(t))
	m, err := core.DecodeMessage(n.Genesis, theirs.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if m.ID == theirs.ID {
		t.Fatal("one id on two networks")
	}
	return m
}

func bodyCases() []ruleCase {
	edited := func(edit func(m *core.Message)) func(t *testing.T, n *core.Network) *core.Message {
		return func(t *testing.T, n *core.Network) *core.Message {
			m := text(0, "abc")(t, n)
			edit(m)
			return m
		}
	}
	var out []ruleCase
	add := func(c makeCase, name string, edit func(m *core.Message)) {
		out = append(out,
			c(core.ErrBodyMismatch, name, alone(testNetwork, edited(edit))),
			c(core.ErrBodyMismatch, name+", in a block", editedBlock(func(_ *testing.T, _ *core.Network, b *core.Block) { edit(b.Messages[1]) })))
	}
	add(keeps, "the body", func(*core.Message) {})
	add(keeps, "a dropped one", func(m *core.Message) { m.Body = nil })
	add(breaks, "another salt", func(m *core.Message) { m.Body.Salt[15] ^= 1 })
	add(breaks, "another payload", func(m *core.Message) { m.Body.Payload[0] ^= 1 })
	add(breaks, "a longer payload", func(m *core.Message) { m.Body.Payload = append(m.Body.Payload, 0) })
	add(breaks, "no payload", func(m *core.Message) { m.Body.Payload = nil })
	out = append(out,
		breaks(core.ErrBodyMismatch, "a payload size that is not the body's", alone(testNetwork, func(t *testing.T, n *core.Network) *core.Message {
			m := text(0, "abc")(t, n)
			m.PayloadSize--
			return sign(n, coretest.Key(0), m)
		})),
		keeps(core.ErrMalformed, "the bytes of a message", decoded(func(b []byte) []byte { return b })),
		breaks(core.ErrMalformed, "with a byte more", decoded(func(b []byte) []byte { return append(b, 0) })),
		breaks(core.ErrMalformed, "with another version", decoded(func(b []byte) []byte { b[0]++; return b })))
	return out
}

func decoded(edit func([]byte) []byte) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := testNetwork(t)
		_, err := core.DecodeMessage(n.Genesis, edit(text(0, "a")(t, n).Bytes()))
		return err
	}
}

func blockCases() []ruleCase {
	messages := func(count int) func(t *testing.T, n *core.Network) []*core.Message {
		return func(t *testing.T, n *core.Network) []*core.Message { return coretest.Messages(t, n, "m", count) }
	}
	small := networkWith(func(p *core.Params) { p.MaxBlockBytes = 65536 })
	return []ruleCase{
		keeps(consensus.ErrMessageRoot, "no message", inBlock(testNetwork, messages(0))),
		keeps(consensus.ErrMessageRoot, "seven messages", inBlock(testNetwork, messages(7))),
		breaks(consensus.ErrMessageRoot, "one left out", editedBlock(func(_ *testing.T, _ *core.Network, b *core.Block) { b.Messages = b.Messages[:2] })),
		breaks(consensus.ErrMessageRoot, "one more", editedBlock(func(t *testing.T, n *core.Network, b *core.Block) {
			b.Messages = append(b.Messages, text(0, "more")(t, n))
		})),
		breaks(consensus.ErrMessageRoot, "two exchanged", editedBlock(func(_ *testing.T, _ *core.Network, b *core.Block) {
			b.Messages[0], b.Messages[1] = b.Messages[1], b.Messages[0]
		})),
		breaks(consensus.ErrMessageRoot, "another signature, as bad as it may be", editedBlock(func(_ *testing.T, _ *core.Network, b *core.Block) {
			b.Messages[1].Signature[40] ^= 1
		})),
		breaks(consensus.ErrMessageRoot, "a block of another network", judgeForeignBlock),

		breaks(consensus.ErrSignature, "none in the last message, and a wrong body in the first", inBlock(testNetwork, func(t *testing.T, n *core.Network) []*core.Message {
			msgs := coretest.Messages(t, n, "m", 3)
			msgs[0].Body.Salt[0] ^= 1
			msgs[2].Signature = core.Signature{}
			return msgs
		})),

		keeps(consensus.ErrMessageCount, "as the header says", inBlock(testNetwork, messages(2))),
		breaks(consensus.ErrMessageCount, "the header says one more", countedBlock(3)),
		breaks(consensus.ErrMessageCount, "the header says one less", countedBlock(1)),

		keeps(consensus.ErrBlockSize, "as large as may be", inBlock(small, filling(65536))),
		breaks(consensus.ErrBlockSize, "one byte too large", inBlock(small, filling(65537))),

		keeps(consensus.ErrDuplicate, "the same text by two authors", inBlock(testNetwork, func(t *testing.T, n *core.Network) []*core.Message {
			return []*core.Message{text(0, "a")(t, n), text(1, "a")(t, n)}
		})),
		breaks(consensus.ErrDuplicate, "side by side", inBlock(testNetwork, func(t *testing.T, n *core.Network) []*core.Message {
			return []*core.Message{text(0, "a")(t, n), text(0, "a")(t, n)}
		})),
		breaks(consensus.ErrDuplicate, "first and last, with another valid signature", inBlock(testNetwork, resigned)),
	}
}

// judgeForeignBlock judges a block of the test network as a node of another one reads its bytes.
func judgeForeignBlock(t *testing.T) error {
	n, ours := testNetwork(t), otherNetwork(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 3)...)
	for i, m := range b.Messages {
		read, err := core.DecodeMessage(ours.Genesis, m.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		b.Messages[i] = read
	}
	return consensus.CheckBlock(ours, b)
}

// resigned returns two messages and the first one again, with another signature of its author: he
// can make as many as he likes, so the signature must not make it another message.
func resigned(t *testing.T, n *core.Network) []*core.Message {
	first := text(0, "a")(t, n)
	again := *first
	sig, err := voi.PrivateKey(coretest.Key(0)).Sign(nil, again.ID[:], &voi.Options{AddedRandomness: true})
	if err != nil {
		t.Fatal(err)
	}
	again.Signature = core.Signature(sig)
	if again.Signature == first.Signature || consensus.CheckSignature(&again) != nil {
		t.Fatal("not another valid signature")
	}
	return []*core.Message{first, text(1, "b")(t, n), &again}
}

// countedBlock judges a block of two messages whose header commits to them, but says another number.
func countedBlock(count uint32) func(t *testing.T) error {
	return func(t *testing.T) error {
		n := testNetwork(t)
		b := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.MessageCount = count }, coretest.Messages(t, n, "m", 2)...)
		return consensus.CheckBlock(n, b)
	}
}

// filling returns four messages whose block has this size, 152 + 4·(118 + 64 + 16) + payloads.
func filling(size int) func(t *testing.T, n *core.Network) []*core.Message {
	return func(t *testing.T, n *core.Network) []*core.Message {
		rest := size - 152 - 4*(118+64+16)
		var msgs []*core.Message
		for i := range 4 {
			length := rest / (4 - i)
			rest -= length
			msgs = append(msgs, text(i, strings.Repeat("x", length))(t, n))
		}
		return msgs
	}
}

// undecidedCases are about what time or another peer may resolve.
func undecidedCases() []ruleCase {
	const now = 1_000_000_000_000
	at := func(timeMS, nowMS uint64) func(t *testing.T) error {
		return func(*testing.T) error { return consensus.CheckClock(&core.Header{TimeMS: timeMS}, nowMS) }
	}
	classic := func(parent bool) func(t *testing.T) error {
		return func(t *testing.T) error {
			n := classicNetwork(t)
			h := core.Header{Bits: n.Header.Bits, Nonce: 350}
			if parent {
				return consensus.CheckPow(n, &n.Header, &h)
			}
			return consensus.CheckPow(n, nil, &h)
		}
	}
	bodies := func(drop bool) func(t *testing.T) error {
		return func(t *testing.T) error {
			n := testNetwork(t)
			b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 3)...)
			if drop {
				b.Messages[2].Body = nil
			}
			return consensus.CheckBodies(b)
		}
	}
	return []ruleCase{
		keeps(consensus.ErrTimeInFuture, "120 s ahead", at(now+120_000, now)),
		keeps(consensus.ErrTimeInFuture, "long ago", at(1, now)),
		keeps(consensus.ErrTimeInFuture, "our clock near its end", at(core.MaxTimeMS, 1<<64-1)),
		breaks(consensus.ErrTimeInFuture, "1 ms more", at(now+120_001, now)),
		breaks(consensus.ErrTimeInFuture, "our clock at 0", at(core.MaxTimeMS, 0)),
		keeps(consensus.ErrParentUnknown, "classic on its parent", classic(true)),
		breaks(consensus.ErrParentUnknown, "classic without its parent", classic(false)),
		keeps(consensus.ErrBodyMissing, "all are here", bodies(false)),
		breaks(consensus.ErrBodyMissing, "the last is not", bodies(true)),
	}
}
