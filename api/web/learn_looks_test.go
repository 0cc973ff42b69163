package web

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"p2pchain/api/browsertest"
)

func openLearn(t *testing.T, b *browsertest.Browser, v browsertest.View) *browsertest.Tab {
	t.Helper()
	server := httptest.NewServer(newSite(t, &fakeSource{payload: text("x")}))
	t.Cleanup(server.Close)
	tab := b.Open(t, server.URL+"/ui/learn", v)
	if !v.NoScript {
		tab.Wait(`document.documentElement.dataset.ready === "yes"`)
	}
	t.Cleanup(func() {
		if got := tab.Complaints(); len(got) > 0 {
			t.Errorf("the browser complains: %q", got)
		}
	})
	return tab
}

func TestBrowserLearnLooks(t *testing.T) {
	b := browsertest.Start(t)
	for _, v := range []browsertest.View{
		{Width: 1440, Height: 900}, {Width: 1024, Height: 800, Dark: true, Language: "de-DE"}, {Width: 390, Height: 800, Language: "de-DE"}, {Width: 390, Height: 800, Dark: true},
		{Width: 1440, Height: 900, Dark: true}, {Width: 1440, Height: 900, NoScript: true},
	} {
		tab := openLearn(t, b, v)
		if !v.NoScript {
			tab.Fill("#text2", "I stole the bicycle.")
			tab.Fill("#classic1", "I give Ben my bicycle for ever.")
			browsertest.Eval[bool](tab, `(() => { const c = (id, n) => { for (let i = 0; i < n; i++) document.getElementById(id).click(); };
				c("step", 2); c("cut", 1); c("step", 5); if (document.body.dataset.heal) c("cut", 1); return true; })()`)
		}
		tab.Screenshot(fmt.Sprintf("learn-%d-%v-%v.png", v.Width, v.Dark, v.NoScript))
	}
}
