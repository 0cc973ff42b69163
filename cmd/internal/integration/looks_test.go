//go:build linux

package integration

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"p2pchain/api/browsertest"
	"p2pchain/core"
)

// A town is three nodes of one network, to which so much happened that every page has something to show: the
// first one left two blocks for a better branch.
type town struct {
	first, second, third *machine
	document             string // id of the message that notarises one
}

// newTown lets all that happen. What a block costs is the caller's choice, in leading zero digits.
func newTown(t *testing.T, difficulty int) *town {
	t.Helper()
	network := "--genesis=" + networkFile(t, "harbour", func(p *core.Params) {
		p.Difficulty, p.BlockIntervalMS, p.Text = difficulty, 2000, "Notes of the harbour office"
	})
	node := func(name string, args ...string) *machine {
		return newMachine(t, name, append([]string{network, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"}, args...)...)
	}
	w := &town{first: node("first"), second: node("second", "--mine", "off"), third: node("third", "--mine", "off")}
	w.first.start()
	w.second.start(w.first.joinFlag())
	w.third.start(w.first.joinFlag())
	for i, m := range []*machine{w.first, w.second, w.third} {
		w.seal(t, m, notes()[4*i:4*i+4]...)
		agree(t, w.first, w.second, w.third)
	}
	file := filepath.Join(t.TempDir(), "berth-plan-2026.pdf")
	if err := os.WriteFile(file, []byte(strings.Repeat("%PDF a plan ", 9000)), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := w.first.run(nil, "add", "--json", "--wait", "--file", file)
	if err != nil {
		t.Fatal(err)
	}
	w.document = regexp.MustCompile(`"id": ?"([0-9a-f]{64})`).FindStringSubmatch(id)[1]

	// The others go on for themselves, and get further.
	agree(t, w.first, w.second, w.third)
	w.second.stop()
	w.third.stop()
	w.seal(t, w.first, "Pump 3 off", "Pump 3 on again")
	w.first.stop()
	w.second.start("--mine", "auto")
	w.third.start(w.second.joinFlag())
	w.seal(t, w.second, notes()[12:]...)
	w.first.start(w.second.joinFlag())
	agree(t, w.first, w.second, w.third)
	w.first.eventually("both peers", func() error {
		if n, err := w.first.peers(); err != nil || n != 2 {
			return fmt.Errorf("%d peers, %v", n, err)
		}
		return nil
	})
	return w
}

// seal adds messages and waits for a block after each.
func (w *town) seal(t *testing.T, m *machine, texts ...string) {
	t.Helper()
	for _, text := range texts {
		id, err := m.add(text)
		if err != nil {
			t.Fatal(err)
		}
		m.eventually("a block", func() error {
			if status, err := m.status(id); err != nil || status != "confirmed" {
				return fmt.Errorf("%s is %q, %v", id, status, err)
			}
			return nil
		})
	}
}

// notes are what people and machines in a harbour write down.
func notes() []string {
	return []string{
		"Tide gauge 4: 2.31 m, rising", "MS Aurora at berth 7, draught 6.2 m", "Crane 2 inspected, no defects. K. Brandt",
		"Tide gauge 4: 2.87 m, rising", "Container HLXU 8042217 sealed, seal 1190284", "Wind 17 m/s from NW. Crane 1 and 3 stopped",
		"Shift handed over to team B, all berths clear", "Tide gauge 4: 3.02 m, falling", "Fire drill at gate 2, 11 minutes, everybody out",
		"MS Aurora left berth 7", "Fuel of tug Robbe: 4 200 l taken on", "Reefer 33: −18.4 °C, door closed",
		"Tide gauge 4: 2.64 m, falling", "Pilot on board of MV Selene", "MV Selene at berth 3, draught 9.8 m", "Minutes of 12 November, as agreed by all who were there: berth 5 stays closed until its fenders are replaced.",
	}
}

// kind is what a page is about, whichever block or message it shows.
var kind = regexp.MustCompile(`[0-9a-f]{64}`)

// everyPage follows the links of the pages from the first one on, and calls look with one page of each kind.
func everyPage(t *testing.T, b *browsertest.Browser, w *town, look func(path string, tab *browsertest.Tab)) {
	t.Helper()
	seen := make(map[string]bool)
	queue := []string{"/", "/ui/search?q=crane", "/ui/messages/" + w.document, "/nowhere"}
	for len(queue) > 0 && len(seen) < 60 {
		path := queue[0]
		queue = queue[1:]
		name := kind.ReplaceAllString(path, "HASH")
		if path == "/ui/messages/"+w.document {
			name = "/ui/messages/DOCUMENT"
		}
		if i := strings.Index(name, "cursor="); i >= 0 {
			name = name[:i+7]
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		tab := b.Open(t, w.first.url+path, browsertest.View{Width: 1440, Height: 900, New: true})
		look(name, tab)
		for _, link := range browsertest.Eval[[]string](tab, `Array.from(document.querySelectorAll("a[href]:not([download])"), (a) => a.href)`) {
			u, err := url.Parse(link)
			if err == nil && strings.HasPrefix(link, w.first.url+"/") && !strings.HasPrefix(u.Path, "/api/") && u.Query().Get("lang") == "" {
				queue = append(queue, u.RequestURI())
			}
		}
		tab.Close()
	}
	for _, must := range []string{"/", "/api", "/ui/blocks/HASH", "/ui/messages/HASH", "/ui/messages/DOCUMENT", "/ui/peers", "/ui/forks"} {
		if !seen[must] {
			t.Errorf("no link led to %s; seen: %v", must, seen)
		}
	}
}

// What one page may cost whoever opens it for the first time, over the line.
const (
	mostRequests = 15
	mostBytes    = 120 << 10
)

// pictures is where TestBrowserPictures writes.
var pictures = flag.String("pictures", "", "`FOLDER` for pictures of pages: make screenshots")

// TestBrowserPictures takes the pictures that the documentation shows.
func TestBrowserPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("make screenshots takes pictures")
	}
	b := browsertest.Start(t)
	w := newTown(t, 5)
	for _, p := range []struct {
		name, path string
		height     int64
	}{
		{"overview", "/", 860}, {"notarised", "/ui/messages/" + w.document, 860}, {"forks", "/ui/forks", 860},
		{"learn", "/ui/learn", 860}, {"notarise", "/ui/notarise", 720},
	} {
		tab := b.Open(t, w.first.url+p.path, browsertest.View{Width: 1200, Height: p.height, Still: true})
		tab.Settle()
		file := filepath.Join(*pictures, p.name+".png")
		if p.path == "/" {
			w.busy(t, tab)
		}
		browsertest.WritePNG(t, file, tab.Picture())
		w.signal(t, syscall.SIGCONT)
		if info, err := os.Stat(file); err != nil || info.Size() > 150<<10 {
			t.Errorf("%s: %v, %d bytes", file, err, info.Size())
		}
		tab.Close()
	}
}

// busy has messages wait on the overview, while a block is searched for, and halts the node there and then: what it
// searches for is found sooner than a picture is taken.
func (w *town) busy(t *testing.T, tab *browsertest.Tab) {
	t.Helper()
	const shown = `new Promise((done) => setTimeout(() => done(document.querySelectorAll("#waitinglines li").length === 3 && document.querySelector("#rate").textContent.endsWith("H/s")), %d))`
	for range 40 {
		for _, text := range []string{"Crane 3 running again", "Tide gauge 4: 2.58 m, falling", "Tug Robbe alongside MV Selene"} {
			if _, err := w.first.add(text); err != nil {
				t.Fatal(err)
			}
		}
		if browsertest.Eval[bool](tab, fmt.Sprintf(shown, 20)) {
			w.signal(t, syscall.SIGSTOP)
			if browsertest.Eval[bool](tab, fmt.Sprintf(shown, 100)) {
				return
			}
			w.signal(t, syscall.SIGCONT)
		}
		agree(t, w.first, w.second, w.third)
	}
	t.Error("the miners are too fast: nothing waits in this picture")
}

// signal sends a signal to the node whose pages are looked at.
func (w *town) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := w.first.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// TestBrowserNode opens every page that a real node links to: each costs little, asks its own node only, gets what
// it asks for, and keeps nobody from using it.
func TestBrowserNode(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	w := newTown(t, 4)
	everyPage(t, b, w, func(path string, tab *browsertest.Tab) {
		tab.Settle()
		sum := 0
		for _, l := range tab.Loads() {
			sum += l.Bytes
			if !strings.HasPrefix(l.Address, w.first.url+"/") {
				t.Errorf("%s asked for %s", path, l.Address)
			}
		}
		loads := tab.Loads()
		t.Logf("%-40s %2d requests %6.1f KB", path, len(loads), float64(sum)/1024)
		if len(loads) > mostRequests || sum > mostBytes {
			t.Errorf("%s: %d requests of %d bytes, at most %d of %d: %+v", path, len(loads), sum, mostRequests, mostBytes, loads)
		}
		for _, c := range tab.Complaints() {
			if path != "/nowhere" || !strings.Contains(c, "404") {
				t.Errorf("%s: %s", path, c)
			}
		}
		for _, dark := range []bool{false, true} {
			for _, width := range []int64{1440, 390} {
				tab.Look(browsertest.View{Width: width, Height: 900, Dark: dark})
				for _, barrier := range tab.Barriers() {
					t.Errorf("%s, %d wide, dark %v: %v", path, width, dark, barrier)
				}
				if wide := browsertest.Eval[int64](tab, `document.documentElement.scrollWidth`); wide > width {
					t.Errorf("%s is %d wide in a window of %d", path, wide, width)
				}
				name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "").Replace(path), "-")
				tab.Screenshot(fmt.Sprintf("node/%s-%d-%s.png", name, width, map[bool]string{false: "light", true: "dark"}[dark]))
			}
		}
	})
}
