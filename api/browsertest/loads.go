package browsertest

import (
	"slices"

	"github.com/chromedp/cdproto/network"
)

// A Load is one thing that a page asked the network for.
type Load struct {
	Address string
	Kind    string // as the browser names it: Document, Stylesheet, Script, Fetch, EventSource…
	Bytes   int    // as they came over the line, with the heads of answers; 0 while they come
}

// Loads returns what the page asked the network for so far, in the order of asking.
func (tab *Tab) Loads() []Load {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.Clone(tab.loads)
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
			tab.loads[i].Bytes = int(e.EncodedDataLength)
		}
	}
}
