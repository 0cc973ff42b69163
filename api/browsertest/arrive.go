package browsertest

import (
	"time"

	"github.com/chromedp/chromedp"
)

// Arrive waits until an expression is true on a page that the tab is on its way to.
func (tab *Tab) Arrive(expression string) {
	tab.t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && tab.ctx.Err() == nil; {
		// The page that is left takes the question with it.
		if _, err = chromedp.Run(tab.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err == nil {
			return
		}
	}
	tab.t.Fatalf("waiting for a page with %s: %v", expression, err)
}
