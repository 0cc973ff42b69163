package browsertest

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A Tab is one page of a browser, which remembers what the page asked the network for and what it
// complained about. Its methods end the test on errors.
type Tab struct {
	Close func() // before the end of the test, which closes what is still open
	t     testing.TB
	ctx   context.Context

	mu         sync.Mutex // guards what follows
	requests   []string
	complaints []string
	loads      []Load
	loading    map[network.RequestID]int // where it stands in loads
}

// A View is how the user looks at a page: size in CSS pixels, colours, languages, scripts.
type View struct {
	Width, Height int64
	Dark          bool
	Language      string // as in navigator.language; empty means en-US
	NoScript      bool
	Still         bool   // the user asked for less motion
	New           bool   // nothing is in the browser's cache when the page is opened
	Before        string // JavaScript that runs before the scripts of each page that the tab opens
}

// Open loads an address in a new tab, which closes when the test ends.
func (b *Browser) Open(t testing.TB, address string, v View) *Tab {
	t.Helper()
	tab := &Tab{t: t, loading: make(map[network.RequestID]int)}
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithListener(tab.hear))
	t.Cleanup(closeTab)
	tab.ctx, tab.Close = ctx, closeTab
	call(tab, network.Enable, network.EnableParams{})
	call(tab, log.Enable, cdp.Empty{})
	if v.New {
		call(tab, network.ClearBrowserCache, cdp.Empty{})
	}
	if v.Before != "" {
		call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: v.Before})
	}
	tab.Look(v)
	tab.Do(chromedp.Navigate(address))
	return tab
}

// FileURL returns the address of a file for Open.
func FileURL(t testing.TB, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: abs}).String()
}

func (tab *Tab) hear(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.hearLoads(event)
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tab.requests = append(tab.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		tab.requests = append(tab.requests, e.URL)
	case *runtime.EventExceptionThrown:
		tab.complaints = append(tab.complaints, e.ExceptionDetails.Text+": "+description(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			text, _ := json.Marshal(e.Args)
			tab.complaints = append(tab.complaints, string(text))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			tab.complaints = append(tab.complaints, e.Entry.Text)
		}
	}
}

// Requests returns every address that the page asked for so far, itself included.
func (tab *Tab) Requests() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.Clone(tab.requests)
}

// Complaints returns errors and warnings of the page: exceptions, console, refused by its policy.
func (tab *Tab) Complaints() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.Clone(tab.complaints)
}

// Look changes how the user looks at the page.
func (tab *Tab) Look(v View) {
	tab.t.Helper()
	scheme, motion, language := "light", "no-preference", v.Language
	if v.Dark {
		scheme = "dark"
	}
	if v.Still {
		motion = "reduce"
	}
	if language == "" {
		language = "en-US"
	}
	call(tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "browsertest", AcceptLanguage: language})
	call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: v.Width, Height: v.Height, DeviceScaleFactor: 1, Mobile: v.Width < 600,
	})
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion}},
	})
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.NoScript})
}

// call sends one command of the protocol to the page.
func call[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	result, err := chromedp.Call(tab.ctx, command, params)
	if err != nil {
		tab.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// Do does what chromedp can do.
func (tab *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	if err := chromedp.Do(tab.ctx, steps...); err != nil {
		tab.t.Fatal(err)
	}
}

// Eval evaluates an expression in the page, waits where it is a promise, and returns its value, which
// travels as JSON. The tools of a browser are not held to the page's policy, so pages without eval can
// be asked too.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	value, err := chromedp.Run(tab.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tab.t.Fatalf("%.200s: %v", expression, err)
	}
	return value
}

// Wait waits until an expression is true.
func (tab *Tab) Wait(expression string) {
	tab.t.Helper()
	_, err := chromedp.Run(tab.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(time.Minute)))
	if err != nil {
		tab.t.Fatalf("waiting for %s: %v", expression, err)
	}
}

// Text returns the text of the first element that fits the selector, "" if there is none.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	return Eval[string](tab, `document.querySelector(`+quote(selector)+`)?.textContent ?? ""`)
}

// Fill puts a text into a field as a paste does, in place of what was there.
func (tab *Tab) Fill(selector, text string) {
	tab.t.Helper()
	Eval[bool](tab, `(() => { const e = document.querySelector(`+quote(selector)+`); e.focus(); e.value = `+quote(text)+`;
		return e.dispatchEvent(new Event("input", {bubbles: true})); })()`)
}

// Press presses keys, one after the other, as chromedp/kb names them.
func (tab *Tab) Press(keys string) {
	tab.t.Helper()
	tab.Do(chromedp.KeyEvent(keys))
}

// Drop drops files on the middle of the first element that fits the selector, as a user's hand does.
func (tab *Tab) Drop(selector string, files ...string) {
	tab.t.Helper()
	at := Eval[struct{ X, Y float64 }](tab, `(() => { const e = document.querySelector(`+quote(selector)+`);
		e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2}; })()`)
	for _, kind := range []input.DispatchDragEventType{"dragEnter", "dragOver", "drop"} {
		data := &input.DragData{Items: []*input.DragDataItem{}, Files: files, DragOperationsMask: 1}
		call(tab, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: at.X, Y: at.Y, Data: data})
	}
}

// Download clicks on what starts one download and returns its bytes and the name that the page gave it.
func (tab *Tab) Download(selector string) (name string, content []byte) {
	tab.t.Helper()
	dir := tab.t.TempDir()
	done := make(chan string, 1)
	listen, stop := context.WithCancel(tab.ctx)
	defer stop()
	err := chromedp.ListenBrowser(listen, func(event any) {
		switch e := event.(type) {
		case *browser.EventDownloadWillBegin:
			name = e.SuggestedFilename
		case *browser.EventDownloadProgress:
			if e.State != browser.DownloadProgressStateInProgress {
				select {
				case done <- e.GUID:
				default: // said more than once
				}
			}
		}
	})
	if err != nil {
		tab.t.Fatal(err)
	}
	events := true
	_, err = chromedp.CallBrowser(tab.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &events,
	})
	if err != nil {
		tab.t.Fatal(err)
	}
	tab.Do(chromedp.Click(chromedp.CSS(selector)))
	select {
	case guid := <-done:
		if content, err = os.ReadFile(filepath.Join(dir, guid)); err != nil {
			tab.t.Fatal(err)
		}
	case <-tab.ctx.Done():
		tab.t.Fatal("the download did not end")
	}
	return name, content
}

// Screenshot keeps the whole page as a PNG in out/.
func (tab *Tab) Screenshot(name string) {
	tab.t.Helper()
	png, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tab.t.Fatal(err)
	}
	keep(tab.t, name, png)
}

// PDF keeps the page as it prints on A4 in out/, and returns its bytes.
func (tab *Tab) PDF(name string) []byte {
	tab.t.Helper()
	pdf, err := chromedp.Run(tab.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPreferCSSPageSize()))
	if err != nil {
		tab.t.Fatal(err)
	}
	keep(tab.t, name, pdf)
	return pdf
}

func keep(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(Out(t, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func description(e *runtime.ExceptionDetails) string {
	if e.Exception == nil {
		return e.URL
	}
	return e.Exception.Description
}

// quote returns a text as JavaScript writes it.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts always have a form in JSON
	}
	return string(b)
}
