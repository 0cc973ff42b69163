//go:build linux

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/api/browsertest"
)

// TestBrowserSignIn has somebody sign in at a node that tells nothing to strangers, see what happens there as it
// happens, add a message, and sign out.
func TestBrowserSignIn(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	m := lonely(t, "private", "--auth", "all")
	m.start()
	token, err := os.ReadFile(filepath.Join(m.dir, "api.token"))
	if err != nil {
		t.Fatal(err)
	}
	tab := b.Open(t, m.url+"/ui/messages", browsertest.View{Width: 1440, Height: 900})
	tab.Screenshot("pages-signin.png")
	const form, send = `document.querySelector("#signin") !== null`, `document.querySelector("#signin button").click()`
	tab.Arrive(form)
	tab.Fill("#signintoken", "a wrong one")
	browsertest.Eval[any](tab, send)
	tab.Arrive(`document.querySelector("#again") !== null && sessionStorage.getItem("token") === null`)
	tab.Fill("#signintoken", string(token))
	browsertest.Eval[any](tab, send)
	tab.Arrive(`location.pathname === "/ui/messages" && document.querySelector("#list") !== null`)
	if cookies := browsertest.Eval[string](tab, `document.cookie`); cookies != "" {
		t.Errorf("scripts can read %q", cookies)
	}

	// Reading is by the cookie, also for events; adding is by the token, which this tab remembers.
	other := b.Open(t, m.url+"/", browsertest.View{Width: 390, Height: 800, Dark: true, Language: "de"})
	other.Wait(`document.querySelector("#blocks") !== null`)
	other.Screenshot("pages-signin-390.png")
	if status := browsertest.Eval[int](other, `fetch("/api/v1/messages", {method: "POST", body: "x"}).then((r) => r.status)`); status != 401 {
		t.Errorf("adding without the token: %d", status)
	}
	browsertest.Eval[any](tab, `location.href = "/"`)
	tab.Arrive(`location.pathname === "/" && document.querySelector("#add:not([hidden])") !== null`)
	tab.Fill("#text", "from within")
	browsertest.Eval[any](tab, `document.querySelector("#add button").click()`)
	tab.Arrive(`document.querySelector("#added a") !== null`)
	other.Wait(`document.querySelector("#height").textContent !== "0" && document.querySelector("#latest").textContent.includes("from within")`)

	browsertest.Eval[any](tab, `document.querySelector("form[action='/ui/signout'] button").click()`)
	tab.Arrive(form)
	tab.Arrive(`sessionStorage.getItem("token") === null`) // else whoever comes next could add with it
	if status := browsertest.Eval[int](other, `fetch("/api/v1/node").then((r) => r.status)`); status != 401 {
		t.Errorf("reading after signing out: %d", status)
	}
	other.Arrive(form) // when its stream of events ends
	for _, r := range append(tab.Requests(), other.Requests()...) {
		if strings.Contains(r, strings.TrimSpace(string(token))) {
			t.Errorf("the token is in an address: %s", r)
		}
	}
}
