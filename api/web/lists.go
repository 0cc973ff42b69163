package web

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strconv"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
)

const (
	// pageBlocks and pageMessages are how many of a list are on a page.
	pageBlocks   = 50
	pageMessages = 50
)

// blocksData is a page of the list of blocks.
type blocksData struct {
	api.BlockPage
	First bool // nothing is newer, so this page follows what happens
}

func (s *Site) blocks(ctx context.Context, r *http.Request) (view, error) {
	node, err := s.cfg.Source.Node(ctx)
	if err != nil {
		return view{}, err
	}
	cursor := r.URL.Query().Get("cursor")
	page, err := s.cfg.Source.Blocks(ctx, cursor, pageBlocks)
	return view{name: "blocks", title: "blocks.title", event: node.LastEvent, data: blocksData{page, cursor == ""}}, err
}

// messagesData is a page of the list of messages.
type messagesData struct {
	api.MessagePage
	Author string // whose messages these are, empty: everybody's
	First  bool   // nothing is newer, so this page follows what happens
}

func (s *Site) messages(ctx context.Context, r *http.Request) (view, error) {
	query := r.URL.Query()
	var f client.Filter
	author := query.Get("author")
	if author != "" {
		key, err := core.ParsePublicKey(author)
		if err != nil {
			return s.notFound(ctx, r)
		}
		f.Author = &key
	}
	node, err := s.cfg.Source.Node(ctx)
	if err != nil {
		return view{}, err
	}
	page, err := s.cfg.Source.Messages(ctx, f, query.Get("cursor"), pageMessages)
	return view{name: "messages", title: "messages.title", event: node.LastEvent, data: messagesData{page, author, !query.Has("cursor")}}, err
}

// blockData is a block and some of its messages.
type blockData struct {
	api.BlockPart
	Last    int  // position of the last message shown
	Before  int  // where the part before begins
	After   int  // where the next part begins, 0: nowhere
	Genesis bool // it has no messages but the network's text
}

func (s *Site) block(ctx context.Context, r *http.Request) (view, error) {
	from, err := strconv.Atoi(r.URL.Query().Get("from"))
	if err != nil || from < 0 {
		from = 0
	}
	b, err := s.cfg.Source.BlockMessages(ctx, r.PathValue("name"), from, pageMessages)
	if err != nil {
		return view{}, err
	}
	if len(b.Messages) == 0 && b.MessageCount > 0 {
		return s.notFound(ctx, r) // behind the last one
	}
	data := blockData{BlockPart: b, Last: from + len(b.Messages) - 1, Before: max(0, from-pageMessages), Genesis: b.Height == 0}
	if next := from + len(b.Messages); next < int(b.MessageCount) {
		data.After = next
	}
	return view{name: "block", title: "raw:#" + strconv.FormatUint(b.Height, 10), data: data}, nil
}

// messageData is a message as its page shows it.
type messageData struct {
	api.Message
	Text string // what is shown of its payload
	Cut  bool   // there is more
	Sum  string // SHA-256 of the payload, empty where the page has none
}

func (s *Site) message(ctx context.Context, r *http.Request) (view, error) {
	id, err := core.ParseHash(r.PathValue("id"))
	if err != nil {
		return s.notFound(ctx, r)
	}
	m, err := s.cfg.Source.Message(ctx, id)
	if err != nil {
		return view{}, err
	}
	data := messageData{Message: m}
	if m.Payload.Message != nil {
		data.Text = safeText(cut(*m.Payload.Message, mostShown))
		data.Cut = len(*m.Payload.Message) > mostShown
	}
	if !m.Erased && !m.Missing {
		data.Sum = core.Hash(sha256.Sum256(payloadBytes(m.Payload))).String()
	}
	return view{name: "message", title: "raw:" + short(id), data: data}, nil
}

func (s *Site) search(ctx context.Context, r *http.Request) (view, error) {
	text := r.URL.Query().Get("q")
	v := view{name: "search", title: "search.title"}
	if text == "" {
		v.data = api.SearchResult{}
		return v, nil
	}
	result, err := s.cfg.Source.Search(ctx, text)
	v.data = result
	return v, err
}
