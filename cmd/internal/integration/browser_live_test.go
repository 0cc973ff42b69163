//go:build linux

package integration

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pchain/api/browsertest"
	"p2pchain/core"
)

// soakMinutes is how long TestBrowserSoak lasts; 30 for the figure in docs/benchmarks.md.
var soakMinutes = flag.Float64("minutes", 1.0/3, "how long pages follow a busy node")

const (
	soakRate  = 50 // messages a second
	soakLooks = 12 // times at which the memory is measured
	// By how much the least that a page holds may grow: tables of the engine grow in steps.
	soakHeap, soakNodes = 256 << 10, 300
)

// TestBrowserSoak has the pages that follow a node follow a busy one: what they hold does not grow.
func TestBrowserSoak(t *testing.T) {
	t.Parallel()
	lasts := time.Duration(*soakMinutes * float64(time.Minute))
	b := browsertest.StartFor(t, 2*lasts)
	m := lonely(t, "busy")
	m.start()
	for range mostRowsShown { // as many as the pages show at all
		if _, err := m.add(m.unique()); err != nil {
			t.Fatal(err)
		}
	}
	desk := browsertest.View{Width: 1440, Height: 1000}
	tabs := map[string]*browsertest.Tab{"/": b.Open(t, m.url+"/", desk), "/ui/messages": b.Open(t, m.url+"/ui/messages", desk)}
	held := make(map[string][]browsertest.Memory)
	sent := 0
	for range soakLooks {
		sent += m.offer(soakRate, lasts/soakLooks)
		for path, tab := range tabs {
			held[path] = append(held[path], tab.Memory())
			t.Logf("%d messages, %s: %v", sent, path, held[path][len(held[path])-1])
		}
	}
	if want := int(soakRate * lasts.Seconds()); sent < want*9/10 {
		t.Errorf("only %d of %d messages were added", sent, want)
	}
	last := m.unique()
	if _, err := m.add(last); err != nil {
		t.Fatal(err)
	}
	for _, tab := range tabs { // they still follow
		tab.Wait(fmt.Sprintf("document.querySelector('#latest, #list').textContent.includes(%q)", last))
	}
	tabs["/"].Wait(`document.querySelectorAll("#blocks .card:not(.waits)").length === 12`)
	for path, looks := range held {
		quiet(t, tabs[path], m.url)
		// The first third is for what is made once, and for code that gets compiled. A page that is just being read
		// anew is there twice, so the least counts.
		early, late := leastHeld(looks[soakLooks/3:2*soakLooks/3]), leastHeld(looks[2*soakLooks/3:])
		if late.Heap > early.Heap+soakHeap || late.Nodes > early.Nodes+soakNodes || late.Listeners > early.Listeners+soakNodes {
			t.Errorf("%s grows: %v, and later %v", path, early, late)
		}
	}
}

// mostRowsShown is the longest list on a page.
const mostRowsShown = 50

// leastHeld returns the smallest of each figure.
func leastHeld(looks []browsertest.Memory) browsertest.Memory {
	least := looks[0]
	for _, m := range looks {
		least = browsertest.Memory{Heap: min(least.Heap, m.Heap), Nodes: min(least.Nodes, m.Nodes), Listeners: min(least.Listeners, m.Listeners)}
	}
	return least
}

// updates is how many messages TestBrowserUpdate adds, one after the other, paints how often it opens the page before.
const updates, paints = 20, 5

// longChain returns a node with 1,000 blocks of ten messages, which does not mine any more.
func longChain(t *testing.T) *machine {
	t.Helper()
	const blocks, each = 1000, 10
	network := networkFile(t, "long", func(p *core.Params) { p.Difficulty, p.BlockIntervalMS, p.MaxBlockMessages = 2, 0, each })
	m := newMachine(t, "long", "--genesis="+network, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	m.start()
	var lines strings.Builder
	for i := range blocks * each {
		fmt.Fprintf(&lines, "\"message %d\"\n", i)
	}
	if err := m.do("POST", "/api/v1/messages", "application/x-ndjson", lines.String(), nil); err != nil {
		t.Fatal(err)
	}
	m.eventually("1,000 blocks", func() error {
		var tip struct{ Height uint64 }
		if err := m.get("/api/v1/blocks/tip", &tip); err != nil || tip.Height < blocks {
			return fmt.Errorf("height %d, %w", tip.Height, err)
		}
		return nil
	})
	if err := m.do("PUT", "/api/v1/mining", "application/json", `{"mode":"off"}`, nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBrowserUpdate opens the overview of a chain of 1,000 blocks, adds messages one at a time, and holds that each comes
// on the screen by itself. It says how long that takes, from the answer that the message is stored to the frame in which
// it is drawn, and after what time the page was painted first.
func TestBrowserUpdate(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	m := longChain(t)
	var tab *browsertest.Tab
	var painted, took []float64
	for range paints {
		tab = b.Open(t, m.url+"/", browsertest.View{Width: 1440, Height: 1000, New: true, Before: byEventsAlone})
		tab.Wait(`performance.getEntriesByName("first-contentful-paint").length > 0`)
		painted = append(painted, browsertest.Eval[float64](tab, `performance.getEntriesByName("first-contentful-paint")[0].startTime`))
	}
	slices.Sort(painted)
	t.Logf("first paint after %.0f ms (median of %d with an empty cache), %.0f ms (most)", painted[paints/2], paints, painted[paints-1])
	for range updates {
		took = append(took, browsertest.Eval[float64](tab, `(async () => {
			const answer = await fetch("/api/v1/messages", {method: "POST", headers: {"Content-Type": "text/plain"}, body: "now " + performance.now()});
			const stored = performance.now();
			const { id } = await answer.json();
			while (!document.querySelector("#waitinglines li[data-id='" + id + "']")) {
				if (performance.now() > stored + 30000) {
					throw new Error("it does not come on the screen");
				}
				await new Promise(requestAnimationFrame);
			}
			await new Promise(requestAnimationFrame); // now that frame is drawn
			return performance.now() - stored;
		})()`))
	}
	slices.Sort(took)
	t.Logf("on the screen after %.0f ms (median), %.0f ms (most)", took[updates/2], took[updates-1])
	quiet(t, tab, m.url)
}

// TestBrowserHalt halts the overview, which then stays as it is, and lets it go on. A file that is notarised
// meanwhile waits under its name.
func TestBrowserHalt(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	m := lonely(t, "halted", "--mine", "off")
	m.start()
	tab := b.Open(t, m.url+"/", browsertest.View{Width: 1440, Height: 1000})
	add := func(text, waiting string) {
		t.Helper()
		if _, err := m.add(text); err != nil {
			t.Fatal(err)
		}
		tab.Wait(fmt.Sprintf(`document.querySelector("#waiting").textContent === %q`, waiting))
	}
	press := func(state string) {
		t.Helper()
		browsertest.Eval[any](tab, `document.querySelector("#live button").click()`)
		tab.Wait(fmt.Sprintf(`document.querySelector("#live").dataset.state === %q`, state))
	}
	add("before", "1")
	press("paused")
	add("while it is halted", "1") // at once; that it stays so shows below
	file := filepath.Join(t.TempDir(), "plan.pdf")
	if err := os.WriteFile(file, []byte("a plan"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.run(nil, "add", "--file", file); err != nil {
		t.Fatal(err)
	}
	if got := browsertest.Eval[int](tab, `document.querySelectorAll("#waitinglines li").length`); got != 1 {
		t.Errorf("the halted page shows %d messages", got)
	}
	press("follows")
	if got := tab.Text("#live [role=status]"); got != "Follows what happens." {
		t.Errorf("the page says of itself %q", got)
	}
	tab.Wait(`document.querySelector("#waiting").textContent === "3"`)
	tab.Wait(`document.querySelectorAll("#waitinglines li").length === 3`)
	if got := tab.Text("#waitinglines li a"); got != "File plan.pdf" {
		t.Errorf("the file waits as %q", got)
	}
	quiet(t, tab, m.url)
}

// TestBrowserUndisturbed reads a page anew while somebody works with it: what has the focus and what is selected is so
// afterwards, though the list has grown.
func TestBrowserUndisturbed(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	m := lonely(t, "still", "--mine", "off")
	m.start()
	for _, text := range []string{"one", "two", "three"} {
		if _, err := m.add(text); err != nil {
			t.Fatal(err)
		}
	}
	for path, line := range map[string]string{"/": "#waitinglines li", "/ui/messages": "#list tbody tr"} {
		tab := b.Open(t, m.url+path, browsertest.View{Width: 1440, Height: 1000})
		lines := fmt.Sprintf(`document.querySelectorAll(%q)`, line)
		before := browsertest.Eval[int](tab, lines+`.length`)
		tab.Settle()
		browsertest.Eval[any](tab, `(() => {
			const line = `+lines+`[1];
			line.querySelector("a").focus();
			getSelection().selectAllChildren(line.querySelector("bdi"));
			window.line = line;
		})()`)
		readings := `performance.getEntriesByType("resource").filter((e) => e.initiatorType === "fetch" && e.name === location.href).length`
		read := browsertest.Eval[int](tab, readings)
		if _, err := m.add("one more"); err != nil {
			t.Fatal(err)
		}
		tab.Wait(fmt.Sprintf(`%s > %d && %s.length === %d`, readings, read, lines, before+1))
		want := "two"
		if before > 3 {
			want = "three"
		}
		got := browsertest.Eval[[]any](tab, `[line.isConnected && document.activeElement === line.querySelector("a"), getSelection().toString(), line === `+lines+`[2]]`)
		if got[0] != true || got[1] != want || got[2] != true {
			t.Errorf("%s: focus kept, selection, the same line: %v, want true, %s, true", path, got, want)
		}
		quiet(t, tab, m.url)
	}
}
