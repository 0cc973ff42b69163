package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"p2pchain/api/client"
	"p2pchain/api/evidence"
	"p2pchain/core"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// A verdict is what verify answers of a file. Of a proof that does not hold, or is of another network
// than was asked for, it says nothing but that.
type verdict struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`            // it holds, and shows all that was asked for
	Anchored bool             `json:"anchored"`         // it is tied to what the user trusts
	Code     string           `json:"code"`             // of the first check that it did not pass, or ok
	Detail   string           `json:"detail,omitempty"` // the same in words
	Network  *provenNetwork   `json:"network,omitempty"`
	Message  *provenMessage   `json:"message,omitempty"`
	Block    *provenBlock     `json:"block,omitempty"`
	Written  *client.Written  `json:"written,omitempty"`
	Anchor   string           `json:"anchor,omitempty"` // what ties it to a chain, in words
	OnTop    *provenOnTop     `json:"on_top,omitempty"`
	Last     *lastBlock       `json:"last,omitempty"` // of the file: what to note, or to compare with a note
	Document *matched         `json:"document,omitempty"`
	Proven   []string         `json:"proven"`
	Claimed  []string         `json:"claimed"`
	Unproven []string         `json:"not_proven"`
	said     *proof.Statement // that the rest is made of
}

type provenNetwork struct {
	Name    string    `json:"name"`
	ID      string    `json:"id"`
	Genesis core.Hash `json:"genesis"`
	Checked bool      `json:"checked"` // it is the one that was asked for, or that of the anchor
	// NamedLike is the genesis hash of the built-in network of this name, where that is another one.
	NamedLike *core.Hash `json:"named_like,omitempty"`
}

type provenMessage struct {
	ID         core.Hash       `json:"id"`
	Author     core.PublicKey  `json:"author"`
	AuthorTime client.Time     `json:"author_time"` // by the author's clock
	MediaType  string          `json:"media_type"`
	Size       uint32          `json:"size"`
	Content    *client.Payload `json:"content"` // null where the file does not have it
}

type provenBlock struct {
	Height    uint64      `json:"height"`
	Hash      core.Hash   `json:"hash"`
	MinerTime client.Time `json:"miner_time"` // by its miner's clock
	Position  int         `json:"position"`   // of the message, from 0
	Messages  uint32      `json:"messages"`
}

type provenOnTop struct {
	Confirmations        uint64    `json:"confirmations"` // that count: on the word of the anchor, or shown
	Work                 core.Work `json:"work"`
	LaptopCoreHours      float64   `json:"laptop_core_hours"` // for that work
	HashRate             float64   `json:"hash_rate"`         // assumed for it
	ClaimedConfirmations uint64    `json:"claimed_confirmations"`
	ClaimedWork          core.Work `json:"claimed_work"`
	ShownConfirmations   uint64    `json:"shown_confirmations"`
	ShownWork            core.Work `json:"shown_work"`
	Binds                bool      `json:"work_binds"` // false: headers of this network cost nothing to make up
}

// fill says what a proof that holds shows.
func (v *verdict) fill(s *proof.Statement, t evidence.Trust, o *verifyOptions) {
	told := evidence.Tell(s, t)
	v.said, v.Anchor, v.Anchored = s, t.Anchor, t.Anchor != ""
	v.Proven, v.Claimed, v.Unproven = told.Proven, append(v.Claimed, told.Claimed...), told.Unproven
	v.Network = &provenNetwork{Name: s.Network.Params.Name, ID: s.Network.ID(), Genesis: s.Network.Genesis, Checked: t.Network}
	if genesis, ok := evidence.NamedLike(s.Network); ok {
		v.Network.NamedLike = &genesis
	}
	m := s.Message
	v.Message = &provenMessage{m.ID, m.Author, client.Time(m.TimeMS), m.Type(), m.PayloadSize, contentOf(m)}
	v.Block = &provenBlock{s.Block.Height, s.BlockHash, client.Time(s.Block.TimeMS), s.Position, s.Block.MessageCount}
	v.Written = &client.Written{After: boundOf(s.Seen), Before: boundOf(s.Next), Words: evidence.Written(s, t)}
	if v.Anchored && !t.Bounds {
		v.Written.Before = nil // the file's word for it is not the anchor's
	}
	last := lastOf(s)
	v.Last = &last
	v.OnTop = &provenOnTop{
		t.Weight.Confirmations, t.Weight.Work, evidence.Hours(t.Weight.Work, o.rate), o.rate,
		s.Confirmations, s.WorkClaimed, s.Shown().Confirmations, s.WorkShown, s.PowBinds,
	}
}

// contentOf returns the content of a message as the API shows it, nil where it is not there.
func contentOf(m *core.Message) *client.Payload {
	switch {
	case m.Body == nil:
		return nil
	case !utf8.Valid(m.Body.Payload):
		return &client.Payload{Base64: m.Body.Payload}
	}
	text := string(m.Body.Payload)
	return &client.Payload{Message: &text}
}

func boundOf(b *proof.Bound) *client.Bound {
	if b == nil {
		return nil
	}
	return &client.Bound{Height: b.Height, Hash: b.Hash, Time: client.Time(b.TimeMS)}
}

// showVerdict shows a verdict: as JSON, on one line of many, or in words, unless there is nothing to say
// but the error.
func (a *app) showVerdict(v verdict, many bool) error {
	switch {
	case a.shared.json:
		return a.printJSON(v)
	case many:
		return a.showVerdictLine(v)
	case v.said == nil:
		return nil
	}
	t := newText(a.stdout)
	t.verdict(&v)
	return t.w.Flush()
}

// showVerdictLine shows a verdict on one line.
func (a *app) showVerdictLine(v verdict) error {
	words := v.Detail
	if v.Valid {
		words = v.Written.Words
		if !v.Anchored {
			words += "; tied to no chain that you know"
		}
		if v.Network.NamedLike != nil {
			words += "; " + v.Network.otherName()
		}
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s: %s\n", printable(name(v.File)), v.Code, printable(words))
	return err
}

// verdict writes what a proof shows.
func (t *text) verdict(v *verdict) {
	m := v.Message
	t.row("proof", v.summary())
	network := fmt.Sprintf("%s (%s)", v.Network.Name, v.Network.ID)
	if v.Network.NamedLike != nil {
		network += ", " + v.Network.otherName()
	}
	t.row("network", network)
	t.row("genesis", v.Network.Genesis)
	t.row("message", m.ID)
	t.row("signed by", fmt.Sprintf("key %v", m.Author))
	t.row("content", contentText(v.said.Message))
	if v.Document != nil {
		t.row("document", printable(v.Document.Words))
	}
	t.row("block", fmt.Sprintf("%d, %v, message %d of %d", v.Block.Height, v.Block.Hash, v.Block.Position+1, v.Block.Messages))
	t.row("written", printable(strings.TrimLeft(strings.TrimPrefix(v.Written.Words, "written"), ", ")))
	t.row("on top", onTop(v))
	t.row("last block", fmt.Sprintf("%d, %v", v.Last.Height, v.Last.Hash))
	tie := "nothing outside the file; see --header and --node"
	if v.Anchor != "" {
		tie = printable(v.Anchor)
	}
	t.row("tied to", tie)
	t.sentences("proven", v.Proven)
	t.sentences("what the file says, which nothing that you trust vouches for", v.Claimed)
	t.sentences("not proven", v.Unproven)
	t.line("\nFor hours of a laptop core, %s are assumed; see --hash-rate.", evidence.Rate(v.OnTop.HashRate))
}

// otherName says that a network has the name of another one.
func (n *provenNetwork) otherName() string {
	return fmt.Sprintf("NOT the built-in network %s, whose genesis is %v", n.Name, n.NamedLike)
}

// summary says whether the proof holds.
func (v *verdict) summary() string {
	switch {
	case !v.Valid:
		return "it holds together, but is too weak for what was asked: " + v.Code
	case !v.Anchored:
		return "it holds together; tied to no chain that you know"
	}
	return "it holds, and is tied to what you trust"
}

// onTop says how much counts, and how much more is claimed.
func onTop(v *verdict) string {
	o := v.OnTop
	if !o.Binds {
		return fmt.Sprintf("%s claimed; on this network that costs nothing", plural(o.ClaimedConfirmations, "block"))
	}
	words := fmt.Sprintf("%s, %s", plural(o.Confirmations, "block"), evidence.Effort(o.Work, o.HashRate))
	if o.ClaimedConfirmations > o.Confirmations {
		words += fmt.Sprintf("; claimed are %s, %s", plural(o.ClaimedConfirmations, "block"), evidence.Effort(o.ClaimedWork, o.HashRate))
	}
	return words
}

// contentText shows the content of a message on one line.
func contentText(m *core.Message) string {
	p := contentOf(m)
	if p == nil {
		return fmt.Sprintf("(not in this file: %s of %s, erased or left out)", plural(uint64(m.PayloadSize), "byte"), printable(m.Type()))
	}
	if d, err := document.Decode(m.MediaType, m.Body.Payload); err == nil {
		return printable(d.String())
	}
	return payloadText(*p)
}

// sentences writes a list below a heading.
func (t *text) sentences(heading string, list []string) {
	if len(list) == 0 {
		return
	}
	t.line("\n%s:", heading)
	for _, s := range list {
		t.line("- %s", printable(s))
	}
}
