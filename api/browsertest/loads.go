package browsertest

import (
	"slices"

	"github.com/chromedp/cdproto/network"
)

// A Load is one thing that a page asked the network for.
type Load struct {
	Address string
	Kind    string // as the browser names it: Document, Stylesheet, Script, Fetch, EventSource…
	Bytes   int    // as they came over the line so far, with the heads of answers once it is done
	Done    bool   // whether it ended, well or not
}

// Loads returns what the page asked the network for so far, in the order of asking.
func (tab *Tab) Loads() []Load {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.Clone(tab.loads)
}

// Settle waits until the page has loaded all that it asks for by itself, apart from events, which never end.
func (tab *Tab) Settle() {
	tab.t.Helper()
	tab.Wait(`document.readyState === "complete"`)
	for quiet := 0; quiet < 5; quiet++ {
		before := len(tab.Loads())
		Eval[bool](tab, `new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 50))`)
		if loading := slices.ContainsFunc(tab.Loads(), func(l Load) bool { return !l.Done && l.Kind != "EventSource" }); loading || len(tab.Loads()) > before {
			quiet = -1
		}
	}
}

// hearLoads keeps what happens on the network. The caller holds the lock.
func (tab *Tab) hearLoads(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tab.loading[e.RequestID] = len(tab.loads)
		tab.loads = append(tab.loads, Load{Address: e.Request.URL, Kind: string(e.Type)})
	case *network.EventDataReceived: // what never ends, like events, counts too
		if i, ok := tab.loading[e.RequestID]; ok {
			tab.loads[i].Bytes += int(e.EncodedDataLength)
		}
	case *network.EventLoadingFinished:
		if i, ok := tab.loading[e.RequestID]; ok {
			tab.loads[i].Bytes, tab.loads[i].Done = int(e.EncodedDataLength), true
		}
	case *network.EventLoadingFailed:
		if i, ok := tab.loading[e.RequestID]; ok {
			tab.loads[i].Done = true
		}
	}
}
