//go:build linux

package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"p2pchain/api/browsertest"
	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

// compare is JavaScript that tells what the page shows in the parts that follow what happens, and how that differs from
// what the server shows now. What is measured anew each time is left out, and times are as the server writes them.
const compare = `(() => {
	const ask = window.fetch;
	const plain = (part) => {
		const copy = part.cloneNode(true);
		for (const time of copy.querySelectorAll("time")) {
			time.textContent = time.title || time.textContent;
			time.removeAttribute("title");
		}
		const texts = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
		while (texts.nextNode()) {
			texts.currentNode.data = texts.currentNode.data.replace(/[\d.,]+ (ms|[kMGT]?H\/s)/, "$1");
		}
		copy.normalize();
		return copy;
	};
	const parts = () => Array.from(document.querySelectorAll("[data-live]"), plain);
	window.shown = () => parts().map((part) => part.outerHTML).join("\n");
	window.differences = async () => {
		const page = await (await ask(location.href, { cache: "no-store" })).text();
		const fresh = new DOMParser().parseFromString(page, "text/html");
		return parts().map((part) => [part, plain(fresh.getElementById(part.id))]).filter(([a, b]) => !a.isEqualNode(b))
			.map(([a, b]) => a.id + " is\n" + a.outerHTML + "\nand was to be\n" + b.outerHTML);
	};
})()`

// slowly has a page wait for what it asks for, so that more happens in between.
const slowly = `; (() => {
	const ask = window.fetch;
	let random = %d;
	const sometime = () => new Promise((go) => setTimeout(go, (random = (random * 48271) %% 2147483647) %% 300));
	window.fetch = async (...what) => {
		await sometime();
		const answer = await ask(...what);
		await sometime();
		return answer;
	};
})()`

// byEventsAlone keeps a page from looking by the clock whether something has changed.
const byEventsAlone = `; window.setInterval = () => 0`

// A reader has a page before him, or has halted it, or hidden it behind another one.
type reader struct {
	path           string
	tab            *browsertest.Tab
	halted, hidden bool
	loaded         float64 // when the page was
	still          string  // what it showed when it was halted or hidden
}

// openPages opens every page that follows what happens.
func openPages(t *testing.T, b *browsertest.Browser, m *machine, rng *rand.Rand) []*reader {
	t.Helper()
	var readers []*reader
	for _, path := range []string{"/", "/ui/blocks", "/ui/messages", "/ui/peers", "/ui/forks"} {
		before := compare + fmt.Sprintf(slowly, 1+rng.IntN(1<<30))
		if path != "/ui/peers" && path != "/ui/forks" { // of what peers have, no event tells
			before += byEventsAlone
		}
		tab := b.Open(t, m.url+path, browsertest.View{Width: 1024, Height: 900, Before: before})
		readers = append(readers, &reader{path: path, tab: tab, loaded: browsertest.Eval[float64](tab, `performance.timeOrigin`)})
	}
	return readers
}

// halt presses the button by which a reader halts his page, or lets it go on.
func (r *reader) halt(t *testing.T) {
	t.Helper()
	r.change(t, &r.halted, `document.querySelector("#live button").click()`)
}

// hide hides the page, or shows it again.
func (r *reader) hide(t *testing.T) {
	t.Helper()
	r.change(t, &r.hidden, fmt.Sprintf(`Object.defineProperty(document, "hidden", {value: %t, configurable: true});
		document.dispatchEvent(new Event("visibilitychange"))`, !r.hidden))
}

// change does one of both, and holds that the page did not change by itself for as long as it was not to.
func (r *reader) change(t *testing.T, state *bool, script string) {
	t.Helper()
	wasStill := r.halted || r.hidden
	*state = !*state
	shown := browsertest.Eval[[]string](r.tab, `(() => { const before = shown(); `+script+`; return [before, shown()]; })()`)
	if wasStill && shown[0] != r.still {
		t.Errorf("%s was halted or hidden, and changed from\n%s\nto\n%s", r.path, r.still, shown[0])
	}
	r.still = shown[1]
}

// wake has a reader look at his page, and holds that it comes to show what the server does.
func (r *reader) wake(t *testing.T) {
	t.Helper()
	if r.halted {
		r.halt(t)
	}
	if r.hidden {
		r.hide(t)
	}
	var differences []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		differences = browsertest.Eval[[]string](r.tab, `differences()`)
		if len(differences) == 0 {
			return
		}
	}
	t.Fatalf("%s stays wrong: %.4000s", r.path, strings.Join(differences, "\n"))
}

// A story is what happens to a node while people read its pages.
type story struct {
	t             *testing.T
	rand          *rand.Rand
	node, partner *machine
	counts        map[string]int
}

func newStory(t *testing.T) *story {
	network := "--genesis=" + networkFile(t, "story", func(p *core.Params) { p.Difficulty = 3 })
	node := func(name string) *machine {
		return newMachine(t, name, network, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--mine", "off")
	}
	s := &story{t, random.Source(t), node("node"), node("partner"), make(map[string]int)}
	s.node.start()
	s.node.args = append(s.node.args, "--http", strings.TrimPrefix(s.node.url, "http://")) // where its pages look for it
	s.partner.start(s.node.joinFlag())
	return s
}

// add adds some messages.
func (s *story) add(m *machine, count int) {
	s.t.Helper()
	for range count {
		s.counts["messages"]++
		if _, err := m.add(fmt.Sprintf("message %d", s.counts["messages"])); err != nil {
			s.t.Fatal(err)
		}
	}
}

// seal has a node mine until it has a block more.
func (s *story) seal(m *machine) {
	s.t.Helper()
	s.add(m, 1)
	before, err := m.tip()
	if err == nil {
		err = m.do("PUT", "/api/v1/mining", "application/json", `{"mode":"auto"}`, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	m.eventually("a block", func() error {
		if now, err := m.tip(); err != nil || now == before {
			return fmt.Errorf("no block after %s, %w", before, err)
		}
		return nil
	})
	if err := m.do("PUT", "/api/v1/mining", "application/json", `{"mode":"off"}`, nil); err != nil {
		s.t.Fatal(err)
	}
	s.counts["times sealed"]++
}

// fork has the partner get further than the node while each is alone, so that the node goes over.
func (s *story) fork() {
	s.t.Helper()
	s.partner.stop()
	s.seal(s.node)
	s.node.stop()
	s.partner.start()
	before := s.height(s.partner)
	for s.height(s.partner) < before+2 {
		s.seal(s.partner)
	}
	s.node.start(s.partner.joinFlag())
	s.node.eventually("the partner's chain", func() error {
		theirs, err := s.partner.tip()
		if err != nil {
			return err
		}
		if ours, err := s.node.tip(); err != nil || ours != theirs {
			return fmt.Errorf("tip %s, want %s, %w", ours, theirs, err)
		}
		return nil
	})
	s.counts["reorgs"]++
}

func (s *story) height(m *machine) (h uint64) {
	s.t.Helper()
	var block struct{ Height uint64 }
	if err := m.get("/api/v1/blocks/tip", &block); err != nil {
		s.t.Fatal(err)
	}
	return block.Height
}

// crash kills the node, and starts it again after a moment.
func (s *story) crash() {
	s.t.Helper()
	s.node.kill()
	time.Sleep(time.Duration(s.rand.IntN(1000)) * time.Millisecond)
	s.node.start()
	s.counts["kills"]++
}

// burst adds messages after a while without any, while pages are about to be read for the first of them.
func (s *story) burst() {
	s.t.Helper()
	time.Sleep(2 * time.Second)
	for range 3 {
		s.add(s.node, 1)
		time.Sleep(time.Duration(s.rand.IntN(200)) * time.Millisecond)
	}
}

// goOn lets something happen.
func (s *story) goOn() {
	s.t.Helper()
	switch s.rand.IntN(12) {
	case 0:
		s.crash()
	case 1, 2, 3:
		s.seal(s.node)
	default:
		s.add(s.node, 1+s.rand.IntN(15))
	}
	time.Sleep(time.Duration(s.rand.IntN(300)) * time.Millisecond)
}

// TestBrowserFollows lets a node live through messages, blocks, reorgs, kills and restarts while people read its pages, halt
// them, hide them and come back. In the end, and now and then before, every page shows what it would show if it was
// opened just then, and in the meantime a halted or hidden one stays as it is.
func TestBrowserFollows(t *testing.T) {
	t.Parallel()
	b := browsertest.StartFor(t, 3*time.Minute)
	s := newStory(t)
	readers := openPages(t, b, s.node, s.rand)
	const chapters, scenes = 3, 8 // a fork, a crash and a fork
	for chapter := range chapters {
		for range scenes {
			s.goOn()
			for _, r := range readers {
				if s.rand.IntN(6) == 0 {
					r.halt(t)
					s.counts["halts and resumes"]++
				}
				if s.rand.IntN(6) == 0 {
					r.hide(t)
					s.counts["hidden or shown"]++
				}
			}
		}
		switch chapter {
		case 0, 2:
			s.fork()
		default:
			s.crash()
		}
		for range 2 {
			for _, r := range readers {
				r.wake(t)
				s.counts["pages compared"]++
			}
			s.burst()
		}
	}
	for _, r := range readers {
		r.wake(t)
		if loaded := browsertest.Eval[float64](r.tab, `performance.timeOrigin`); loaded != r.loaded {
			t.Errorf("%s was loaded again", r.path)
		}
		for _, c := range r.tab.Complaints() {
			if !strings.Contains(c, "net::ERR_") && !strings.Contains(c, "status of 50") { // the node was away
				t.Errorf("%s: the browser complains: %s", r.path, c)
			}
		}
	}
	t.Logf("%v", s.counts)
}

// TestBrowserPeersAndForks keeps the pages of the peers and of the forks open while a peer goes, comes back with a better
// chain, and goes again: they show each of that by themselves.
func TestBrowserPeersAndForks(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	s := newStory(t)
	open := func(path string) (*browsertest.Tab, float64) {
		tab := b.Open(t, s.node.url+path, browsertest.View{Width: 1024, Height: 900})
		return tab, browsertest.Eval[float64](tab, `performance.timeOrigin`)
	}
	peers, peersLoaded := open("/ui/peers")
	forks, forksLoaded := open("/ui/forks")
	const rows = `document.querySelectorAll("#peerstable tbody tr").length`
	peers.Wait(rows + ` === 1 && document.querySelectorAll("#peersdrawn svg[role=img] .link").length === 1`)
	if got := browsertest.Eval[int](forks, `document.querySelectorAll("#reorgs tr").length`); got != 0 {
		t.Errorf("%d rows of reorgs before there was one", got)
	}
	s.fork()
	forks.Wait(`document.querySelectorAll("#reorgs tbody tr").length === 1 && !document.querySelector("#forkstree").hidden`)
	forks.Wait(`document.querySelectorAll("#forkstips tbody tr").length === 2`)
	peers.Wait(rows + ` === 1`)
	s.partner.stop()
	peers.Wait(rows + ` === 0 && document.querySelector("#peersdrawn").hidden && document.querySelector("#peerstable").hidden`)
	for tab, loaded := range map[*browsertest.Tab]float64{peers: peersLoaded, forks: forksLoaded} {
		if browsertest.Eval[float64](tab, `performance.timeOrigin`) != loaded {
			t.Error("a page was loaded again")
		}
	}
}
