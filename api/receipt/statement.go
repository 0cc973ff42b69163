package receipt

import (
	"p2pchain/api/evidence"
	"p2pchain/core"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// A fact is a row of the table at the top.
type fact struct {
	Name, Text, Hash string
}

// facts are what the proof holds, in rows. The page's script makes the same ones.
func (t texts) facts(s *proof.Statement) []fact {
	m := s.Message
	height := func(h uint64) values { return values{"height": number(h)} }
	dated := func(ms uint64) string { return t.say("f.dated", values{"time": moment(ms)}) }
	out := []fact{
		{Name: t.say("f.id", nil), Hash: s.ID.String()},
		{Name: t.say("f.payload", nil), Text: t.say("f.payload.is", t.payloadValues(m))},
	}
	out = append(out, t.documentFacts(m)...)
	out = append(out,
		fact{Name: t.say("f.author", nil), Hash: m.Author.String()},
		fact{Name: t.say("f.block", height(s.Block.Height)), Text: dated(s.Block.TimeMS), Hash: s.BlockHash.String()})
	if s.Seen != nil && s.Seen.Height > 0 {
		out = append(out, fact{t.say("f.seen", height(s.Seen.Height)), dated(s.Seen.TimeMS), s.Seen.Hash.String()})
	}
	if s.Next != nil {
		out = append(out, fact{t.say("f.next", height(s.Next.Height)), dated(s.Next.TimeMS), s.Next.Hash.String()})
		if s.TipHash != s.Next.Hash {
			out = append(out, fact{t.say("f.last", height(s.Tip.Height)), dated(s.Tip.TimeMS), s.TipHash.String()})
		}
	}
	network := s.Network.String()
	if _, ok := evidence.NamedLike(s.Network); ok {
		network += ", " + t.say("f.network.other", nil)
	}
	return append(out,
		fact{Name: t.say("f.network", nil), Text: network},
		fact{Name: t.say("f.genesis", nil), Hash: s.Network.Genesis.String()})
}

func (t texts) payloadValues(m *core.Message) values {
	return values{"size": count(t, "bytes", m.PayloadSize), "type": m.Envelope.Type()}
}

// documentFacts say what is notarised, where the payload is a record of that.
func (t texts) documentFacts(m *core.Message) []fact {
	if m.Body == nil {
		return nil
	}
	d, err := document.Decode(m.MediaType, m.Body.Payload)
	if err != nil {
		return nil
	}
	name := t.say("f.document", nil)
	switch d := d.(type) {
	case *document.File:
		about := values{"name": d.Name, "size": count(t, "bytes", d.Size), "type": d.MediaType}
		return []fact{{Name: name, Text: t.say("doc.file", about)}, {Name: t.say("f.sha.file", nil), Hash: d.SHA256.String()}}
	case *document.Manifest:
		about := values{"name": d.Name, "files": count(t, "files", d.Files), "size": count(t, "bytes", d.Size)}
		return []fact{{Name: name, Text: t.say("doc.manifest", about)}, {Name: t.say("f.sha.manifest", nil), Hash: d.SHA256.String()}}
	case *document.Commit:
		about := values{"name": d.Repository, "commit": d.Commit, "files": count(t, "files", d.Files)}
		return []fact{{Name: name, Text: t.say("doc.commit", about)}, {Name: t.say("f.sha.manifest", nil), Hash: d.SHA256.String()}}
	case *document.Anchor:
		about := values{"name": d.Log, "size": count(t, "bytes", d.Length)}
		return []fact{{Name: name, Text: t.say("doc.anchor", about)}, {Name: t.say("f.sha.log", nil), Hash: d.SHA256.String()}}
	}
	return nil
}

// proven says in sentences what the proof shows without any anchor: nothing of blocks but what they cost.
func (t texts) proven(s *proof.Statement) []string {
	about := t.payloadValues(s.Message)
	about["network"] = s.Network.Params.Name
	out := []string{t.say("p.message", about)}
	if s.Next != nil && s.PowBinds {
		out = append(out, t.say("p.shown", values{"work": grouped(s.WorkShown.String()), "effort": t.effort(s.WorkShown)}))
	}
	return out
}

// claimed says in sentences what headers say that anybody can make up for their price.
func (t texts) claimed(s *proof.Statement) []string {
	out := []string{t.say("p.place", values{
		"position": number(s.Position + 1), "count": number(s.Block.MessageCount), "height": number(s.Block.Height),
	})}
	if s.Seen != nil && s.Seen.Height == 0 {
		out = append(out, t.say("p.seen.genesis", nil))
	} else if s.Seen != nil {
		out = append(out, t.say("p.seen", values{"height": number(s.Seen.Height), "time": moment(s.Seen.TimeMS)}))
	}
	if s.Next != nil {
		out = append(out, t.say("p.next", values{"height": number(s.Next.Height), "time": moment(s.Next.TimeMS)}))
	}
	return out
}

// unproven says in sentences what it does not show.
func (t texts) unproven(s *proof.Statement) []string {
	var out []string
	if genesis, ok := evidence.NamedLike(s.Network); ok {
		out = append(out, t.say("n.name", values{"network": s.Network.Params.Name, "genesis": genesis}))
	}
	if s.PowBinds {
		out = append(out, t.say("n.anchor", nil))
	} else {
		out = append(out, t.say("n.classic", nil))
	}
	if s.Confirmations > 0 {
		out = append(out, t.say("n.claimed", values{
			"blocks": number(s.Confirmations), "work": grouped(s.WorkClaimed.String()), "effort": t.effort(s.WorkClaimed),
		}))
	}
	if s.Seen == nil {
		out = append(out, t.say("n.seen", nil))
	}
	if s.Next == nil {
		out = append(out, t.say("n.next", nil))
	}
	return append(out,
		t.say("n.clock", values{"time": moment(s.Block.TimeMS), "author": moment(s.Message.TimeMS)}),
		t.say("n.network", nil), t.say("n.author", nil), t.say("n.page", nil))
}
