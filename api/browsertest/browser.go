// Package browsertest starts a real browser for tests of pages: Debian's chromium or any other of its
// family, without a window, with a fresh profile, ended by the test that started it. It is for tests
// alone; where no such browser is installed, tests that ask for one are skipped with a line that says so.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience bounds a test's whole use of a browser, so that one that hangs fails by itself.
const patience = 4 * time.Minute

// A Browser is one running process; its tabs share a profile.
type Browser struct {
	ctx context.Context
}

// asked is the variable of the environment that asks for tests in a browser: they take long.
const asked = "P2PCHAIN_BROWSER"

// Start runs a browser until the test ends, or skips the test: where nobody asked for tests in a browser, or
// there is none.
func Start(t testing.TB) *Browser {
	t.Helper()
	return StartFor(t, 0)
}

// StartFor is Start for a test that uses the browser for so much longer than others do.
func StartFor(t testing.TB, longer time.Duration) *Browser {
	t.Helper()
	if os.Getenv(asked) == "" {
		t.Skip("make browser runs this test, in a real browser")
	}
	path := find()
	if path == "" {
		t.Skip("no browser: this test needs chromium (Debian: apt-get install chromium)")
	}
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, dir) })
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(dir),
		chromedp.NoSandbox, // tests run as root in containers, and open nothing but our own pages
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-US"),
	)
	ctx, end := context.WithTimeout(context.Background(), patience+longer)
	t.Cleanup(end)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(quit) // waits for the process to end
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return &Browser{ctx}
}

// remove removes the profile, into which processes that are about to end may still write for a moment.
func remove(t testing.TB, dir string) {
	var err error
	for range 40 {
		if err = os.RemoveAll(dir); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("the browser's profile stays: %v", err)
}

// find returns the browser's path, "" if there is none.
func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Out returns a path in the folder out/ of the module, which git ignores: for screenshots and what else
// somebody should look at.
func Out(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		t.Fatal("no go.mod above this test")
	}
	path := filepath.Join(dir, "out", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
