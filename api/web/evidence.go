package web

import (
	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/document"
)

// A record is what a message notarises or asks for, for people.
type record struct {
	What string // it is, as File
	Name string // that its author gave it, safe to be shown; empty: it has none
	Rows []recordRow
}

// A recordRow is one value of a record.
type recordRow struct {
	Name, Value string
	Hash        bool   // Value is to be shown as one
	Link        string // where it leads, if anywhere
}

// A recorder makes records in a language.
type recorder struct {
	say    func(key string, args ...any) string
	number func(n any) string
}

// payloadBytes returns a payload as its author wrote it.
func payloadBytes(p api.Payload) []byte {
	if p.Message != nil {
		return []byte(*p.Message)
	}
	return p.Base64
}

// record returns the record that a message is, nil where it is a message like any other.
func (r recorder) record(c api.Content) *record {
	d, err := document.Decode(c.MediaType, payloadBytes(c.Payload))
	if err != nil { // also where the payload was erased or is missing
		return nil
	}
	switch d := d.(type) {
	case *document.File:
		return &record{r.say("record.file"), safeText(d.Name), []recordRow{
			r.bytes("record.size", d.Size), {Name: r.say("record.type"), Value: safeText(d.MediaType)}, r.hash("record.hash", d.SHA256),
		}}
	case *document.Manifest:
		return &record{r.say("record.manifest"), safeText(d.Name), []recordRow{
			r.count("record.files", d.Files), r.bytes("record.size", d.Size), r.hash("record.list", d.SHA256),
		}}
	case *document.Commit:
		return &record{r.say("record.commit"), safeText(d.Repository), []recordRow{
			{Name: r.say("record.commitid"), Value: d.Commit, Hash: true}, {Name: r.say("record.tree"), Value: d.Tree, Hash: true},
			r.count("record.files", d.Files), r.bytes("record.size", d.Size), r.hash("record.list", d.SHA256),
		}}
	case *document.Anchor:
		return r.anchor(d)
	case *document.Erase:
		target := r.hash("record.target", d.Target)
		target.Link = "/ui/messages/" + target.Value
		return &record{What: r.say("record.erase"), Rows: []recordRow{target}}
	}
	return nil
}

// anchor returns the record of a look at a log.
func (r recorder) anchor(d *document.Anchor) *record {
	began := map[string]string{
		document.BeganFirst: "began.first", document.BeganRotated: "began.rotated", document.BeganEmptied: "began.emptied",
		document.BeganReplaced: "began.replaced", document.BeganCut: "began.cut", document.BeganChanged: "began.changed",
	}
	rows := []recordRow{
		{Name: r.say("record.looked"), Value: stamp(api.Time(d.TimeMS))},
		r.bytes("record.size", d.Length), r.count("record.lines", d.Lines), r.hash("record.hash", d.SHA256),
		r.count("record.sequence", d.Sequence), r.bytes("record.from", d.From), r.hash("record.segment", d.Segment),
		{Name: r.say("record.generation"), Value: d.Generation.String(), Hash: true}, {Name: r.say("record.began"), Value: r.say(began[d.Began])},
	}
	if d.Previous != (core.Hash{}) {
		rows = append(rows, r.hash("record.previous", d.Previous))
	}
	return &record{r.say("record.anchor"), safeText(d.Log), rows}
}

func (r recorder) count(key string, n uint64) recordRow {
	return recordRow{Name: r.say(key), Value: r.number(n)}
}

func (r recorder) bytes(key string, n uint64) recordRow {
	return recordRow{Name: r.say(key), Value: r.say("bytes", r.number(n))}
}

func (r recorder) hash(key string, h core.Hash) recordRow {
	return recordRow{Name: r.say(key), Value: h.String(), Hash: true}
}
