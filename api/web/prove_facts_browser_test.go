package web

import (
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/api/browsertest"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// TestBrowserLiesOfFacts holds that each fact that a page shows and its proof covers is compared, to the millisecond.
func TestBrowserLiesOfFacts(t *testing.T) {
	b := browsertest.Start(t)
	full, err := proof.Decode(readExample(t, "plain.p2pproof"))
	if err != nil {
		t.Fatal(err)
	}
	short, lone := sealed(t, "text/plain", "hello"), sealed(t, "text/plain", "hello")
	lone.Next = nil
	record := &document.File{Name: "forged.pdf", Size: 1, MediaType: "application/pdf"}
	for name, tt := range map[string]struct {
		p    *proof.Proof
		lie  func(*api.Message)
		step string // that is red; empty: none
		says string
	}{
		"nothing":             {full, func(*api.Message) {}, "", "Everything holds"},
		"nothing on top":      {lone, func(*api.Message) {}, "", "Everything holds"},
		"not yet on top":      {full, func(m *api.Message) { m.Written.Before, m.Confirmations = nil, 1 }, "", "Everything holds"},
		"author's time":       {full, func(m *api.Message) { m.Content.Time++ }, "message", "“Written”"},
		"media type":          {full, func(m *api.Message) { m.MediaType = "text/html" }, "message", "“Media type” is text/html on this page"},
		"size":                {full, func(m *api.Message) { m.Size++ }, "message", "“Size”"},
		"seen":                {full, func(m *api.Message) { m.Seen[0]++ }, "message", "“Author had seen”"},
		"height":              {full, func(m *api.Message) { *m.Height++ }, "block", "“Height”"},
		"block time":          {full, func(m *api.Message) { *m.BlockTime++ }, "block", "“Sealed”"},
		"position":            {full, func(m *api.Message) { other := *m.Position + 1; m.Position = &other }, "place", "“Position”"},
		"after height":        {full, func(m *api.Message) { m.Written.After.Height++ }, "seen", "“Not older than”"},
		"after time":          {full, func(m *api.Message) { m.Written.After.Time++ }, "seen", "“Not older than”"},
		"no after":            {full, func(m *api.Message) { m.Written.After = nil }, "seen", "“Not older than” is – on this page"},
		"after from nowhere":  {short, func(m *api.Message) { m.Written.After = boundOf(short.Block) }, "seen", ", and – in the proof"},
		"before height":       {full, func(m *api.Message) { m.Written.Before.Height++ }, "next", "“Not newer than”"},
		"before time":         {full, func(m *api.Message) { m.Written.Before.Time-- }, "next", "“Not newer than”"},
		"before from nowhere": {lone, func(m *api.Message) { m.Written.Before = boundOf(short.Next.Header) }, "next", ", and – in the proof"},
		"confirmations":       {full, func(m *api.Message) { m.Confirmations = 1e6 }, "tip", "“Confirmations” is 1000000 on this page"},
		"more than on top":    {short, func(m *api.Message) { m.Confirmations = 3 }, "tip", ", and 2 in the proof"},
		"no content":          {full, func(m *api.Message) { m.Payload = text("") }, "body", "another content"},
		"other bytes":         {full, func(m *api.Message) { m.Payload = api.Payload{Base64: []byte{0xff}} }, "body", "another content"},
		"record":              {sealed(t, record.Type(), "{}"), func(m *api.Message) { m.Payload = api.Payload{Base64: record.Encode()} }, "body", "another content"},
	} {
		file := tt.p.Encode()
		source := &provenSource{p: tt.p, lie: tt.lie}
		tab := b.Open(t, proving(t, source, &file)+source.path(), browsertest.View{Width: 1440, Height: 1000})
		tab.Wait(judged)
		if got, says := strings.Join(broken(tab), " "), tab.Text("#verdict"); got != tt.step || !strings.Contains(says, tt.says) {
			t.Errorf("%s: broken is %q, want %q; %q", name, got, tt.step, says)
		}
		if got := tab.Complaints(); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}
