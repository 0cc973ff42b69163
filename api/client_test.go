package api_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

var errBadSector = errors.New("bad sector")

// client returns a client of the node.
func (f *fixture) client(options ...client.Option) *client.Client {
	f.t.Helper()
	c, err := client.New(f.url, options...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return c
}

// TestClientRoundTrips calls every method of the client on a node.
func TestClientRoundTrips(t *testing.T) {
	f := start(t)
	f.sample()
	f.host.vote = func(context.Context, *core.Message) (int, int) { return 1, 1 }
	c, ctx := f.client(), t.Context()
	check := func(what string, err error, ok bool) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %v, as expected: %v", what, err, ok)
		}
	}
	var blocks []client.ChainBlock
	err := c.Chain(ctx, func(b client.ChainBlock) error { blocks = append(blocks, b); return nil })
	check("Chain", err, len(blocks) == 4 && blocks[0].Proof == nil && *blocks[1].Data[0].Message == "hello" &&
		string(blocks[2].Data[1].Base64) == "\xff\xfe" && blocks[2].Data[2].Erased && blocks[1].Timestamp == 946684800200)
	var texts []string
	waiting := 0
	err = c.Data(ctx, func(b client.DataBlock) error { texts = append(texts, b.Data); return nil },
		func(client.DataMessage) error { waiting++; return nil })
	check("Data", err, len(texts) == 4 && texts[1] == `"hello"` && waiting == 2)
	neighbours, err := c.Neighbours(ctx)
	check("Neighbours", err, len(neighbours) == 2)
	node, err := c.Node(ctx)
	check("Node", err, node.PeerID == "12D3KooWSelf" && len(node.Addresses) == 2 && node.Tip.Height == 3 && *node.ClockSkewMS == -1500)
	peers, err := c.Peers(ctx)
	check("Peers", err, len(peers) == 2 && peers[1].Work == core.NewWork(1, 0))
	invite, err := c.Invite(ctx)
	check("Invite", err, invite.Invite == "p2pchain1af5w6" && len(invite.Addresses) == 1)
	f.inviteErr = errors.New("nobody reaches this node")
	_, err = c.Invite(ctx)
	check("no Invite", nil, errors.Is(err, client.ErrBusy) && strings.Contains(err.Error(), "nobody reaches this node"))
	seedNode, err := c.SeedNode(ctx)
	check("SeedNode", err, seedNode.DataCount == 4 && seedNode.Health)
	seedPeers, err := c.SeedPeers(ctx)
	check("SeedPeers", err, seedPeers[peerA].Port == "22345")
	check("PostNode", c.PostNode(ctx), true)
	check("PostPeers", c.PostPeers(ctx, "/ip4/192.0.2.1/tcp/1/p2p/A"), len(f.host.dialled) == 1)
	check("Live", c.Live(ctx), true)
	check("Ready", c.Ready(ctx), true)
	page, err := c.Blocks(ctx, "", 3)
	check("Blocks", err, len(page.Blocks) == 3 && page.Next != "")
	page, err = c.Blocks(ctx, page.Next, 0)
	check("Blocks, second page", err, len(page.Blocks) == 1 && page.Next == "")
	block, err := c.Block(ctx, "2")
	check("Block", err, block.Height == 2 && len(block.Messages) == 3 && block.Messages[1].MediaType == "application/octet-stream")
	mempool, err := c.Mempool(ctx, "", 1)
	check("Mempool", err, mempool.Count == 2 && len(mempool.Messages) == 1 && *mempool.Messages[0].Message == "waiting")
	mempool, err = c.Mempool(ctx, mempool.Next, 1)
	check("Mempool, second page", err, len(mempool.Messages) == 1 && mempool.Messages[0].Message == nil)

	id, err := c.PutAdd(ctx, "a & b")
	m, _ := f.pool.Message(id)
	check("PutAdd", err, m != nil && string(m.Body.Payload) == "a & b")
	added, err := c.PostData(ctx, []int{1, 2})
	check("PostData", err, added)
	receipt, err := c.Add(ctx, []byte("text"), "")
	check("Add", err, receipt.Status == client.StatusWaiting)
	receipt, err = c.Add(ctx, []byte("\xff"), "")
	check("Add, bytes", err, receipt.Status == client.StatusWaiting)
	receipt, err = c.Add(ctx, []byte("{}"), "application/json")
	check("Add, with a type", err, receipt.Status == client.StatusWaiting)
	got, err := c.Message(ctx, receipt.ID)
	check("Message", err, got.ID == receipt.ID && got.MediaType == "application/json" && *got.Message == "{}" && got.Status == client.StatusWaiting)
	if want := "a & b|[1,2]|text|\xff|{}"; strings.Join(f.pool.texts()[2:], "|") != want {
		t.Errorf("added %q", f.pool.texts()[2:])
	}

	confirmed := make(chan error)
	go func() {
		m, err := c.Await(ctx, receipt.ID)
		if err == nil && (m.Status != client.StatusConfirmed || *m.Height != 4) {
			err = fmt.Errorf("%+v", m)
		}
		confirmed <- err
	}()
	f.sealWaiting()
	check("Await", <-confirmed, true)
}

func TestClientErrors(t *testing.T) {
	f := start(t, func(c *api.Config, _ *api.Deps) { c.Auth, c.Tokens = api.AuthAlways, oneToken("secret") })
	ctx := t.Context()
	plain, authorized := f.client(), f.client(client.WithToken("secret"))
	add := func(c *client.Client, text string) error { _, err := c.Add(ctx, []byte(text), ""); return err }

	_, err := plain.Message(ctx, core.Hash{})
	wantError(t, err, client.ErrNotFound, 404, "message_not_found")
	wantError(t, add(plain, "x"), client.ErrUnauthorized, 401, "token_needed")
	wantError(t, add(authorized, strings.Repeat("x", 20000)), client.ErrRefused, 413, "payload_too_large")
	_, err = authorized.PutAdd(ctx, "")
	wantError(t, err, client.ErrRefused, 400, "http_400")
	f.pool.refuse = func(int, *core.Message) error { return mempool.ErrFull }
	err = add(authorized, "x")
	wantError(t, err, client.ErrBusy, 503, "mempool_full")
	if e, _ := errors.AsType[*client.Error](err); e.RetryAfter != 5*time.Second {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	f.pool.refuse = func(int, *core.Message) error { return errBadSector }
	if err := add(authorized, "x"); errors.Is(err, client.ErrBusy) || errors.Is(err, client.ErrRefused) || !strings.Contains(err.Error(), "500") {
		t.Errorf("internal error: %v", err)
	}
	f.stop()
	if err := plain.Live(ctx); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("stopped node: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := plain.Live(canceled); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("canceled: %v", err)
	}
}

func wantError(t *testing.T, err, kind error, status int, code string) {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !errors.Is(err, kind) || e.Status != status || e.Code != code {
		t.Errorf("%v, want %v with %d %s", err, kind, status, code)
	}
}

// payloads yields the numbers below n.
func payloads(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range n {
			if !yield(fmt.Append(nil, i), nil) {
				return
			}
		}
	}
}

func TestAddAll(t *testing.T) {
	f := start(t)
	const n = 6000
	next := 0
	err := f.client().AddAll(t.Context(), payloads(n), func(r client.LineResult) error {
		next++
		if r.Line != next || r.Status != client.LineAccepted || r.ID == nil {
			return fmt.Errorf("result %d: %+v", next, r)
		}
		return nil
	})
	if err != nil || next != n {
		t.Fatalf("%v after %d", err, next)
	}
	for i, text := range f.pool.texts() {
		if text != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, text)
		}
	}
}

// TestAddAllWaits fills the pool again and again: nothing is lost or doubled, and the client waits as
// long as the node asks.
func TestAddAllWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		f := startAt(t, coretest.Network(t), l)
		c := f.client(client.WithDialer(func(context.Context) (net.Conn, error) { return l.dial(), nil }))
		room, begin := 700, time.Now()
		f.pool.refuse = func(taken int, _ *core.Message) error {
			if taken >= room && time.Since(begin) < 20*time.Second {
				return mempool.ErrFull
			}
			return nil
		}
		results := make(map[int]int)
		err := c.AddAll(t.Context(), payloads(3000), func(r client.LineResult) error {
			results[r.Line]++
			return nil
		})
		if err != nil || len(results) != 3000 {
			t.Fatalf("%v, %d results", err, len(results))
		}
		for i, text := range f.pool.texts() {
			if text != fmt.Sprint(i) || results[i+1] != 1 {
				t.Fatalf("message %d is %q, with %d results", i, text, results[i+1])
			}
		}
		if took := time.Since(begin); took < 20*time.Second || took > 26*time.Second {
			t.Errorf("took %v", took)
		}
		c.Close()
		f.stop()
	})
}

// TestAddAllRefused mixes messages that break a rule with good ones.
func TestAddAllRefused(t *testing.T) {
	f := start(t)
	text := "good\n\n" + strings.Repeat("x", 17000) + "\r\nalso good\r\n\r\n\n" + strings.Repeat("y", 200000) + "\n\xff\xfe\nlast"
	var got []string
	err := f.client().AddAll(t.Context(), client.Lines(strings.NewReader(text)), func(r client.LineResult) error {
		got = append(got, fmt.Sprint(r.Line, r.Status, r.Code))
		return nil
	})
	want := "1accepted|3refusedpayload_too_large|4accepted|5accepted|7refusedpayload_too_large|8accepted|9accepted"
	if err != nil || strings.ReplaceAll(strings.Join(got, "|"), " ", "") != want {
		t.Errorf("%v: %q", err, got)
	}
	if added := strings.Join(f.pool.texts(), "|"); added != "good|also good\r|\r|\xff\xfe|last" {
		t.Errorf("added %q", added)
	}
}

// TestAddAllFails ends AddAll in every way and holds what it says about how far it came.
func TestAddAllFails(t *testing.T) {
	f := start(t, func(c *api.Config, _ *api.Deps) { c.DiskFull = errBadSector })
	c := f.client()
	ignore := func(client.LineResult) error { return nil }
	run := func(ctx context.Context, in iter.Seq2[[]byte, error], each func(client.LineResult) error) *client.BatchError {
		t.Helper()
		err := c.AddAll(ctx, in, each)
		e, ok := errors.AsType[*client.BatchError](err)
		if !ok {
			t.Fatalf("%v is no BatchError", err)
		}
		return e
	}
	broken := func(yield func([]byte, error) bool) {
		_ = yield([]byte("0"), nil) && yield(nil, nil) && yield([]byte("1"), nil) && yield(nil, errBadSector)
	}
	if e := run(t.Context(), broken, ignore); !errors.Is(e, errBadSector) || e.Done != 3 || e.InDoubt != 0 {
		t.Errorf("broken input: %+v", e)
	}
	stop := errors.New("stop")
	e := run(t.Context(), payloads(1), func(r client.LineResult) error { return stop })
	if !errors.Is(e, stop) {
		t.Errorf("callback: %+v", e)
	}
	f.pool.waiting = nil
	f.pool.refuse = func(taken int, _ *core.Message) error {
		if taken >= 10 {
			return errBadSector
		}
		return nil
	}
	results := 0
	e = run(t.Context(), payloads(500), func(client.LineResult) error { results++; return nil })
	if !errors.Is(e, client.ErrBusy) || e.Done != 10 || e.InDoubt != 0 || results != 10 {
		t.Errorf("disk full: %+v after %d results", e, results)
	}
	f.pool.refuse = func(int, *core.Message) error { return mempool.ErrFull }
	ctx, cancel := context.WithCancel(t.Context())
	f.pool.enter = cancel // it waits for room when it is told to stop
	if e := run(ctx, payloads(5), ignore); !errors.Is(e, context.Canceled) || e.Done != 0 {
		t.Errorf("canceled: %+v", e)
	}
	f.stop()
	c = f.client() // the old one may still have a connection, and not know whether lines came through there
	if e := run(t.Context(), payloads(5), ignore); !errors.Is(e, client.ErrUnreachable) || e.Done != 0 || e.InDoubt != 0 {
		t.Errorf("no node: %+v", e)
	}
}

// TestAddAllDoesNotWaitForMore gives one line and no end: its result comes all the same.
func TestAddAllDoesNotWaitForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		f := startAt(t, coretest.Network(t), l)
		c := f.client(client.WithDialer(func(context.Context) (net.Conn, error) { return l.dial(), nil }))
		result := make(chan client.LineResult, 1)
		slow := func(yield func([]byte, error) bool) {
			for range 2 {
				synctest.Wait() // until the other side waits for it
				if !yield([]byte("x"), nil) {
					return
				}
				<-result // a deadlock if the line is not sent
			}
		}
		if err := c.AddAll(t.Context(), slow, func(r client.LineResult) error { result <- r; return nil }); err != nil {
			t.Error(err)
		}
		c.Close()
		f.stop()
	})
}

// TestAddAllInDoubt loses the connection while the node works.
func TestAddAllInDoubt(t *testing.T) {
	f := start(t)
	f.pool.enter = func() { panic(http.ErrAbortHandler) }
	err := f.client().AddAll(t.Context(), payloads(1), func(client.LineResult) error { return nil })
	e, ok := errors.AsType[*client.BatchError](err)
	if !ok || !errors.Is(err, client.ErrUnreachable) || e.Done != 0 || e.InDoubt != 1 {
		t.Errorf("%+v", err)
	}
}
