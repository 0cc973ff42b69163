package web

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

const (
	// lessonDifficulty is how many zeros the example's hashes begin with: few enough to be found at once, and
	// enough to be seen.
	lessonDifficulty = 3
	// lessonStartMS is when the examples begin, and lessonStepMS how far their blocks are apart.
	lessonStartMS = 1_795_219_200_000
	lessonStepMS  = 60_000
)

// A lesson is what the page Learn shows before anything is touched: small chains of real messages, signed and
// sealed by the rules of core. Its exported JSON is what the scripts build the same chains from.
type lesson struct {
	Ours    example  `json:"ours"`
	Classic example  `json:"classic"`
	Authors []writer `json:"authors"`
}

// An example is a chain on a network of its own.
type example struct {
	Params core.Params    `json:"-"`
	Text   string         `json:"params"` // exactly what the genesis block commits to
	Blocks []exampleBlock `json:"blocks"`
	Fields []headerField  `json:"-"` // of the first block after genesis
	tip    core.Header    // of the last block
	before core.Frontier  // over all blocks up to the tip
	net    *core.Network  // made of Params
	chain  []*core.Block
}

// An exampleBlock is a block with its one message.
type exampleBlock struct {
	Height uint64    `json:"height"`
	TimeMS uint64    `json:"time"`
	Writer int       `json:"author"` // index of its author
	Name   string    `json:"-"`
	Salt   string    `json:"salt"`
	Text   string    `json:"text"`
	Nonce  uint64    `json:"nonce"`
	Proof  string    `json:"-"` // classic: what is hashed
	Sum    core.Hash `json:"-"` // classic: its hash
	ID     core.Hash `json:"-"`
	Before core.Hash `json:"-"`
	Hash   core.Hash `json:"-"`
}

// Rows returns the digits of the block's hash in rows of sixteen.
func (b exampleBlock) Rows() []string { return rowsOf(b.Hash) }

// A writer is somebody who writes in a lesson; the key is no secret.
type writer struct {
	Name string `json:"name"`
	Seed string `json:"seed"`
}

// A headerField is one line of the table of a header's bytes.
type headerField struct {
	Key    string // of its text
	Offset int
	Hex    string
}

// learnData is what the page shows.
type learnData struct {
	Lesson lesson
	Odds   []oddsRow
	Tip    core.Hash // of the example
}

// An oddsRow says what a difficulty costs.
type oddsRow struct {
	Digits int
	Tries  uint64
}

// learn is the page on which the chain is taken apart.
func (s *Site) learn(_ context.Context, r *http.Request) (view, error) {
	l, err := s.lessons[s.texts.choose(r)]()
	if err != nil {
		return view{}, err
	}
	d := learnData{Lesson: l, Tip: l.Ours.tip.Hash()}
	for digits := 3; digits <= 10; digits++ {
		d.Odds = append(d.Odds, oddsRow{digits, 1 << (4 * digits)})
	}
	return view{name: "learn", title: "learn.title", data: d}, nil
}

// lessonsOf returns the lesson of each language, made when it is first asked for.
func lessonsOf(t *texts) map[string]func() (lesson, error) {
	out := make(map[string]func() (lesson, error))
	for _, lang := range t.languages() {
		out[lang] = sync.OnceValues(func() (lesson, error) {
			return newLesson(func(key string) string { return t.say(lang, key) })
		})
	}
	return out
}

// newLesson makes the examples in a language.
func newLesson(say func(string) string) (lesson, error) {
	l := lesson{}
	for i, name := range []string{"Anna", "Ben", "Carla"} {
		l.Authors = append(l.Authors, writer{name, strings.Repeat(fmt.Sprintf("%02x", i+1), ed25519.SeedSize)})
	}
	stories := []string{say("learn.story.one"), say("learn.story.two"), say("learn.story.three"), say("learn.story.four")}
	var err error
	if l.Ours, err = newExample(core.PowHeader, l.Authors, stories); err != nil {
		return lesson{}, err
	}
	l.Classic, err = newExample(core.PowClassic, l.Authors, stories[:3])
	return l, err
}

// newExample mines a chain with one message a block.
func newExample(pow string, authors []writer, stories []string) (example, error) {
	e := example{Params: core.Params{
		Name: "learn", Text: "A chain to take apart: p2pchain learn.", GenesisTimeMS: lessonStartMS, Pow: pow, Difficulty: lessonDifficulty,
		MaxPayloadBytes: 16384, MaxBlockMessages: 1, MaxBlockBytes: 8388608, Authors: []core.PublicKey{},
	}}
	net, err := core.NewNetwork(e.Params)
	if err != nil {
		return example{}, fmt.Errorf("the lesson's network: %w", err)
	}
	e.net, e.Text, e.tip, e.before = net, string(e.Params.Encode()), net.Header, core.Frontier{}.Append(net.Genesis)
	for i, text := range stories {
		if err := e.add(authors[i%len(authors)], i%len(authors), text); err != nil {
			return example{}, fmt.Errorf("the lesson's block %d: %w", i+1, err)
		}
	}
	return e, nil
}

// add seals one more message.
func (e *example) add(by writer, index int, text string) error {
	parent, parentHash := e.tip, e.tip.Hash()
	height := parent.Height + 1
	at := uint64(lessonStartMS + height*lessonStepMS)
	salt := [core.SaltSize]byte{core.SaltSize - 1: byte(height)}
	m, err := lessonMessage(e.net, by, at, salt, text)
	if err != nil {
		return err
	}
	work, err := consensus.ChildWork(&parent, parent.Bits)
	if err != nil {
		return err
	}
	h := core.Header{
		MessageCount: 1, Height: height, PreviousHash: parentHash, MessageRoot: core.MessageRoot([]core.Leaf{m.Leaf()}), HistoryRoot: e.before.Root(),
		Work: work, TimeMS: at, Bits: parent.Bits,
	}
	for consensus.CheckPow(e.net, &parent, &h) != nil {
		h.Nonce++
	}
	hash := h.Hash()
	if height == 1 {
		e.Fields = fieldsOf(&h)
	}
	b := exampleBlock{
		Height: height, TimeMS: at, Writer: index, Name: by.Name, Salt: hex.EncodeToString(salt[:]), Text: text,
		Nonce: h.Nonce, ID: m.ID, Before: parentHash, Hash: hash,
	}
	if e.Params.Pow == core.PowClassic {
		previous := "None"
		if parent.Height > 0 {
			previous = strconv.FormatUint(parent.Nonce, 10)
		}
		b.Proof, b.Sum = previous+strconv.FormatUint(h.Nonce, 10), consensus.ClassicProof(&parent, h.Nonce)
	}
	e.Blocks, e.chain = append(e.Blocks, b), append(e.chain, &core.Block{Header: h, Messages: []*core.Message{m}})
	e.tip, e.before = h, e.before.Append(hash)
	return nil
}

// lessonMessage signs a message whose salt and nonce are no secrets, so that scripts can make the same.
func lessonMessage(n *core.Network, by writer, at uint64, salt [core.SaltSize]byte, text string) (*core.Message, error) {
	seed, err := hex.DecodeString(by.Seed)
	if err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	m := &core.Message{
		Envelope: core.Envelope{
			Author: core.PublicKey(key.Public().(ed25519.PublicKey)), TimeMS: at, Seen: n.Genesis,
			PayloadSize: uint32(len(text)), Commitment: core.Commit(salt, []byte(text)),
		},
		Body: &core.Body{Salt: salt, Payload: []byte(text)},
	}
	m.ID = m.Envelope.ID(n.Genesis)
	m.Signature = core.Signature(ed25519.Sign(key, m.ID[:]))
	return m, consensus.CheckMessage(n, m)
}

// fieldsOf returns the bytes of a header, field by field.
func fieldsOf(h *core.Header) []headerField {
	encoded := h.Encode()
	ends := []struct {
		key string
		end int
	}{
		{"learn.field.version", 4}, {"learn.field.count", 8}, {"learn.field.height", 16}, {"learn.field.previous", 48}, {"learn.field.messages", 80},
		{"learn.field.history", 112}, {"learn.field.work", 128}, {"learn.field.time", 136}, {"learn.field.busy", 140}, {"learn.field.bits", 144}, {"learn.field.nonce", core.HeaderSize},
	}
	var out []headerField
	at := 0
	for _, f := range ends {
		out = append(out, headerField{f.key, at, hex.EncodeToString(encoded[at:f.end])})
		at = f.end
	}
	return out
}

// rowsOf cuts a hash into rows of sixteen digits.
func rowsOf(h core.Hash) []string {
	var rows []string
	hash := h.String()
	for at := 0; at < len(hash); at += 16 {
		rows = append(rows, hash[at:at+16])
	}
	return rows
}

// spanUnits are those in which span says a time: a unit's size in seconds, and where the next one begins.
func spanUnits() []spanUnit {
	return []spanUnit{
		{60, 1, "learn.unit.seconds"}, {3600, 60, "learn.unit.minutes"}, {86_400, 3600, "learn.unit.hours"},
		{31_557_600, 86_400, "learn.unit.days"}, {31_557_600e6, 31_557_600, "learn.unit.years"},
	}
}

type spanUnit struct {
	below, size float64
	key         string
}

// span puts a number of seconds into words, in one unit, as js/learnview.js does.
func (s *Site) span(lang string, seconds float64) string {
	if seconds < 1 {
		return s.texts.say(lang, "learn.unit.milliseconds", int(math.Round(1000*seconds)))
	}
	for _, u := range spanUnits() {
		n := seconds / u.size
		if n < 10 {
			n = math.Round(10*n) / 10
		} else {
			n = math.Round(n)
		}
		switch {
		case n*u.size >= u.below:
			continue
		case n == 1 && u.size == 1:
			return s.texts.say(lang, "learn.unit.second")
		}
		return s.texts.say(lang, u.key, decimal(lang, n))
	}
	return s.texts.say(lang, "learn.unit.ages")
}

// decimal writes a number with at most one digit behind its point.
func decimal(lang string, n float64) string {
	whole, part := math.Modf(n)
	if part == 0 {
		return grouped(lang, uint64(whole))
	}
	point := "."
	if lang == "de" {
		point = ","
	}
	return grouped(lang, uint64(whole)) + point + strconv.Itoa(int(math.Round(10*part)))
}
