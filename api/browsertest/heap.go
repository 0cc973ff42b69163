package browsertest

import (
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/cdproto/runtime"
)

// Memory is what a page still holds after all that it does not need was collected.
type Memory struct {
	Heap      float64 // bytes of objects of its scripts
	Nodes     int64   // of all documents
	Listeners int64
}

func (m Memory) String() string {
	return fmt.Sprintf("%.2f MB, %d nodes, %d listeners", m.Heap/1e6, m.Nodes, m.Listeners)
}

// Memory collects what the page does not need any more, and returns what is left.
func (tab *Tab) Memory() Memory {
	tab.t.Helper()
	for range 2 { // what one turn sets free may hold something else
		call(tab, heapprofiler.CollectGarbage, cdp.Empty{})
	}
	heap := call(tab, runtime.GetHeapUsage, cdp.Empty{})
	dom := call(tab, memory.GetDOMCounters, cdp.Empty{})
	return Memory{heap.UsedSize, dom.Nodes, dom.JsEventListeners}
}
