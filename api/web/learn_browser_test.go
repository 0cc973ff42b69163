package web

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"p2pchain/api/browsertest"
)

// TestBrowserLearn does on the page Learn what a class does, in one browser for all.
func TestBrowserLearn(t *testing.T) {
	b := browsertest.Start(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *browsertest.Browser)
	}{
		{"Vectors", learnVectors}, {"Same chain", learnSame}, {"Edit", learnEdit}, {"Stranger", learnStranger}, {"Difficulty", learnDifficulty},
		{"Classic", learnClassic}, {"Time", learnTime}, {"Fork", learnFork}, {"Keyboard", learnKeyboard}, {"Looks", learnLooks},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, b) })
	}
}

// openLearn opens the page in a tab which must, at the end, have complained about nothing.
func openLearn(t *testing.T, b *browsertest.Browser, v browsertest.View) *browsertest.Tab {
	t.Helper()
	server := httptest.NewServer(newSite(t, &fakeSource{payload: text("x")}))
	t.Cleanup(server.Close)
	tab := b.Open(t, server.URL+"/ui/learn", v)
	if !v.NoScript {
		tab.Wait(`document.documentElement.dataset.ready === "yes"`)
	}
	t.Cleanup(func() {
		for _, r := range tab.Requests() {
			if !strings.HasPrefix(r, server.URL+"/") {
				t.Errorf("the page asked for %s", r)
			}
		}
		if got := tab.Complaints(); len(got) > 0 {
			t.Errorf("the browser complains: %q", got)
		}
	})
	return tab
}

func desk() browsertest.View { return browsertest.View{Width: 1440, Height: 900} }

// modules begins an expression that uses the scripts of the page.
const modules = `const dir = document.querySelector("script[src$='learn.js']").src.replace("learn.js", "");
	const [chain, receipt, time, fork] = await Promise.all(["learnchain", "receipt", "learntime", "learnfork"].map((m) => import(dir + m + ".js")));`

// learnVectors holds the scripts against the golden vectors of core: headers, a signature, trees, networks.
func learnVectors(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	golden := make(map[string]json.RawMessage)
	for _, name := range []string{"headers", "messages", "message_roots", "networks"} {
		text, err := os.ReadFile("../../core/testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		golden[name] = text
	}
	all, err := json.Marshal(golden)
	if err != nil {
		t.Fatal(err)
	}
	wrong := browsertest.Eval[[]string](tab, `(async () => { `+modules+`
		const golden = `+string(all)+`, wrong = [], { hex, unhex, sha256 } = receipt;
		const same = (what, got, want) => got === want || wrong.push(what + ": " + got + ", not " + want);
		for (const h of golden.headers) {
			const bytes = chain.encodeHeader({ count: h.message_count, height: BigInt(h.height), previous: unhex(h.previous_hash), messageRoot: unhex(h.message_root),
				historyRoot: unhex(h.history_root), work: BigInt(h.work), time: h.time_ms, busy: h.busy_ms, bits: parseInt(h.bits, 16), nonce: h.nonce });
			same("header " + h.name, hex(bytes), h.bytes);
			same("hash " + h.name, hex(sha256(bytes)), h.hash);
		}
		for (const m of golden.messages.filter((m) => m.media_type === "" && m.payload && m.seen_hash === m.genesis_hash)) {
			const author = chain.authorOf("x", m.key_seed), text = new TextDecoder().decode(unhex(m.payload));
			const made = chain.compose({ hash: unhex(m.genesis_hash) }, author, { time: m.time_ms, salt: unhex(m.salt), text, nonce: m.nonce });
			same("author of " + m.name, hex(author.key), m.author);
			same("id of " + m.name, hex(made.id), m.id);
			same("signature of " + m.name, hex(made.signature), m.signature);
		}
		for (const r of golden.message_roots) {
			same("root of " + r.leaves.length, hex(chain.treeRoot(r.leaves.map((l) => receipt.leafHash(unhex(l))))), r.root);
		}
		for (const n of golden.networks) {
			same("network " + n.name, hex(chain.networkOf(JSON.parse(n.params)).hash), n.genesis_hash);
		}
		return wrong;
	})()`)
	for _, w := range wrong {
		t.Error(w)
	}
}

// learnSame holds that the scripts make the very chain that core made: its hashes, its bytes, its first nonces.
func learnSame(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	got := browsertest.Eval[[]string](tab, `[...document.querySelectorAll("#links [data-slot=hash]")].map((e) => e.textContent)`)
	l, err := newSite(t, &fakeSource{}).lessons["en"]()
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range l.Ours.Blocks {
		if got[i] != block.Hash.String() {
			t.Errorf("block %d: %s, not %v", i+1, got[i], block.Hash)
		}
	}
	bytes := browsertest.Eval[string](tab, `[...document.querySelectorAll("#bytes code")].map((e) => e.textContent).join("")`)
	if want := l.Ours.chain[0].Header.Encode(); bytes != fmt.Sprintf("%x", want) {
		t.Errorf("the bytes are %s, not %x", bytes, want)
	}
	if c := tab.Text("#classicblocks [data-slot=sum]"); c != l.Classic.Blocks[0].Sum.String() {
		t.Errorf("classic: %s", c)
	}
}

// linkStates returns of each block whether it is broken.
func linkStates(tab *browsertest.Tab) string {
	return browsertest.Eval[string](tab, `[...document.querySelectorAll("#links .link")].map((e) => e.classList.contains("broken") ? "x" : "o").join("")`)
}

// learnEdit changes a block, sees it and all after it break, mines them again, and puts everything back.
func learnEdit(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	before := tab.Text("#links")
	tab.Fill("#text2", "I give Anna 6 euros for the repair.")
	if got := linkStates(tab); got != "oxxx" {
		t.Errorf("after the edit: %s", got)
	}
	if got := tab.Text("#verdict"); !strings.Contains(got, "from block 2 on") || !strings.Contains(got, "12,288") {
		t.Errorf("the verdict is %q", got)
	}
	for i, want := range []string{"oxxx", "ooxx"} {
		if got := linkStates(tab); got != want {
			t.Errorf("before block %d was mined: %s", i+2, got)
		}
		tab.Wait(`document.querySelector("#links .link:nth-child(` + fmt.Sprint(i+2) + `) button").hidden === false`)
		browsertest.Eval[bool](tab, `document.querySelector("#links .link:nth-child(`+fmt.Sprint(i+2)+`) button").click(), true`)
		tab.Wait(`/^Done/.test(mining.textContent)`)
	}
	browsertest.Eval[bool](tab, `mineall.click(), true`)
	tab.Wait(`!document.querySelector("#links .broken")`)
	lower := browsertest.Eval[bool](tab, `document.querySelector("#links .link:last-child [data-slot=hash]").title < held.title`)
	if got := tab.Text("#verdict"); !strings.Contains(got, "not the one that everybody has") || strings.Contains(got, "lower last hash") != lower {
		t.Errorf("a forged chain's verdict is %q, its last hash lower: %v", got, lower)
	}
	tab.Wait(`/^Done/.test(mining.textContent)`)
	if got := tab.Text("#mining"); !regexp.MustCompile(`^Done: [0-9,]+ tries in `).MatchString(got) {
		t.Errorf("the cost is %q", got)
	}
	browsertest.Eval[bool](tab, `reset.click(), true`)
	if got := tab.Text("#links"); got != before {
		t.Error("not all was put back")
	}
	if got := tab.Text("#verdict"); !strings.Contains(got, "All is in order") {
		t.Errorf("the verdict after all is %q", got)
	}
}

// learnStranger holds that no mining makes up for a signature.
func learnStranger(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	browsertest.Eval[bool](tab, `stranger.click(), true`)
	tab.Fill("#text1", "I give Ben my bicycle.")
	browsertest.Eval[bool](tab, `mineall.click(), true`)
	tab.Wait(`/^Done/.test(mining.textContent)`)
	if got := linkStates(tab); got != "xooo" {
		t.Errorf("after mining: %s", got)
	}
	if got := tab.Text("#verdict"); !strings.Contains(got, "block 1 is not signed by Anna") {
		t.Errorf("the verdict is %q", got)
	}
}

// learnDifficulty asks for fewer zeros, which is another network, and stops a search for many.
func learnDifficulty(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	choose := func(digits int) {
		browsertest.Eval[bool](tab, fmt.Sprintf(`digits.value = "%d", digits.dispatchEvent(new Event("change"))`, digits))
	}
	genesis := tab.Text("#links [data-slot=before]")
	choose(5)
	tab.Wait(`!document.querySelector("#stop").hidden`)
	browsertest.Eval[bool](tab, `document.querySelector("#stop").click(), true`)
	tab.Wait(`/^Stopped/.test(mining.textContent)`)
	choose(5)
	choose(5) // while the other search still runs, whose end must not hide this one's
	if browsertest.Eval[bool](tab, `document.querySelector("#stop").hidden`) {
		t.Error("what runs cannot be stopped")
	}
	choose(2)
	tab.Wait(`/another network/.test(mining.textContent)`)
	if got := linkStates(tab); got != "oooo" || tab.Text("#links [data-slot=before]") == genesis {
		t.Errorf("at two zeros: %s", got)
	}
	if got := tab.Text("#links [data-slot=hash]"); !strings.HasPrefix(got, "00") {
		t.Errorf("the hash is %s", got)
	}
}

// learnClassic holds that a rewrite is free under the one rule and costs all work under the other.
func learnClassic(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	sums := tab.Text("#classicblocks [data-slot=sum]")
	tab.Fill("#classic1", "I give Ben my bicycle for ever.")
	if tab.Text("#classicblocks [data-slot=sum]") != sums {
		t.Error("the text changed a classic proof")
	}
	if got := tab.Text("#classicverdict"); !strings.Contains(got, "0 tries") {
		t.Errorf("classic: %q", got)
	}
	if got := tab.Text("#oursverdict"); !strings.Contains(got, "The work of 3 blocks is lost") || !strings.Contains(got, "12,288") {
		t.Errorf("ours: %q", got)
	}
	if got := tab.Text("#oursblocks bdi"); got != "I give Ben my bicycle for ever." {
		t.Errorf("the other side says %q", got)
	}
}

// learnTime holds the table against its slider and the retargeting against what the simulation of consensus says.
func learnTime(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	browsertest.Eval[bool](tab, `rate.value = "9", rate.dispatchEvent(new Event("input"))`)
	if got := tab.Text("#odds tr:nth-child(8) td:nth-child(3)"); got != "18 min" {
		t.Errorf("ten zeros at 1 GH/s: %q", got)
	}
	browsertest.Eval[bool](tab, `measure.click(), true`)
	tab.Wait(`!measure.disabled && rate.value !== "9"`)
	for _, tt := range []struct {
		factor       string
		least, most  int
		first, after string
	}{{"10", 150, 350, "506 ms", "about 5 seconds"}, {"0.1", 30, 150, "seconds on average", "about 5 seconds"}} {
		browsertest.Eval[bool](tab, `document.querySelector("input[value='`+tt.factor+`']").click(), true`)
		says := tab.Text("#retargetsays")
		if !strings.Contains(says, tt.first) || !strings.Contains(says, tt.after) {
			t.Errorf("×%s: %q", tt.factor, says)
		}
		n := browsertest.Eval[int](tab, `(async () => { `+modules+` return time.recovered(time.retarget(`+tt.factor+`)) - 40; })()`)
		if n < tt.least || n > tt.most {
			t.Errorf("×%s: right again after %d blocks", tt.factor, n)
		}
	}
}

// learnFork cuts and heals often and holds that nothing is lost and all agree, then does it once by hand.
func learnFork(t *testing.T, b *browsertest.Browser) {
	tab := openLearn(t, b, desk())
	wrong := browsertest.Eval[[]string](tab, `(async () => { `+modules+`
		const params = { ...JSON.parse(JSON.parse(document.getElementById("lesson").textContent).ours.params), difficulty: 1, max_block_messages: 1024 };
		const authors = [chain.authorOf("A", "01".repeat(32)), chain.authorOf("B", "02".repeat(32))], wrong = [];
		let state = 12345, ties = 0, changes = 0;
		const roll = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
		for (let round = 0; round < 8; round++) {
			const pair = new fork.Pair(params, authors, roll);
			for (let i = 0; i < 2; i++) pair.step(0.5);
			pair.cut();
			for (let i = 0; i < round; i++) pair.step(0.5);
			const [a, b] = pair.nodes.map((n) => n.tip.header), result = pair.heal();
			ties += result.tie ? 1 : 0;
			changes += result.left.length > 0 ? 1 : 0;
			const most = a.work > b.work || (a.work === b.work && receipt.hex(a.hash) < receipt.hex(b.hash)) ? a : b;
			if (pair.nodes[0].tip !== pair.nodes[1].tip || pair.nodes[0].tip.header !== most) wrong.push(round + ": they do not agree on the heaviest");
			const there = [...pair.branch(pair.nodes[0].tip).flatMap((b) => b.messages), ...pair.nodes[0].waiting].map((m) => m.text).sort();
			if (there.length !== 2 * pair.written || new Set(there).size !== there.length) wrong.push(round + ": of " + 2 * pair.written + " messages there are " + there);
			pair.step(0.5);
			if (pair.nodes[0].waiting.length !== 0) wrong.push(round + ": not all is sealed");
			for (const block of pair.blocks.slice(1)) if (!chain.keepsRules(pair.net, block.parent, block)) wrong.push(round + ": a block breaks a rule");
		}
		if (ties === 0 || changes < 3) wrong.push(ties + " ties and " + changes + " changes");
		return wrong;
	})()`)
	for _, w := range wrong {
		t.Error(w)
	}
	browsertest.Eval[bool](tab, `step.click(), cut.click(), share.value = "90", step.click(), step.click(), true`)
	for browsertest.Eval[bool](tab, `forktree.querySelectorAll("g.one").length < 3`) {
		browsertest.Eval[bool](tab, `step.click(), true`)
	}
	if got := tab.Text("#wire"); got != "cut" || tab.Text("#cut") != "Connect again" {
		t.Errorf("after the cut: %q, %q", got, tab.Text("#cut"))
	}
	browsertest.Eval[bool](tab, `cut.click(), true`)
	tips := browsertest.Eval[[]string](tab, `[...document.querySelectorAll("[data-slot=tip]")].map((e) => e.title)`)
	if got := browsertest.Eval[string](tab, `[...forktree.querySelectorAll(".stands")].map((e) => e.textContent).join()`); got != "A + B here" {
		t.Errorf("the picture says %q", got)
	}
	if tips[0] != tips[1] || browsertest.Eval[int](tab, `forktree.querySelectorAll("g.one").length`) != 0 {
		t.Errorf("after healing: %v", tips)
	}
}

// learnKeyboard changes a block and mines it with keys alone.
func learnKeyboard(t *testing.T, b *browsertest.Browser) {
	v := desk()
	v.Still = true
	tab := openLearn(t, b, v)
	browsertest.Eval[bool](tab, `text3.focus(), true`)
	tab.Press("!")
	if got := linkStates(tab); got != "ooxx" {
		t.Errorf("after a key: %s", got)
	}
	for range 12 {
		if browsertest.Eval[string](tab, `document.activeElement.dataset.slot ?? ""`) == "mine" {
			break
		}
		tab.Press(kb.Tab)
	}
	tab.Press(kb.Enter)
	tab.Wait(`/^Done/.test(mining.textContent)`)
	if got := linkStates(tab); got != "ooox" {
		t.Errorf("after mining: %s", got)
	}
}

// learnLooks keeps pictures of the page while it is used, and holds that nothing is wider than the window and
// that nothing keeps people from using it.
func learnLooks(t *testing.T, b *browsertest.Browser) {
	for _, v := range []browsertest.View{
		{Width: 1440, Height: 900}, {Width: 1024, Height: 800, Dark: true, Language: "de-DE"}, {Width: 390, Height: 800, Language: "de-DE"},
		{Width: 390, Height: 800, Dark: true}, {Width: 1440, Height: 900, NoScript: true},
	} {
		tab := openLearn(t, b, v)
		name := fmt.Sprintf("learn-%d", v.Width)
		if v.Dark {
			name += "-dark"
		}
		if v.NoScript {
			name += "-noscript"
			tab.Screenshot(name + ".png")
			continue
		}
		tab.Fill("#text2", "I stole the bicycle.")
		tab.Fill("#classic1", "I give Ben my bicycle for ever.")
		browsertest.Eval[bool](tab, `mineall.click(), document.querySelector("details").open = true,
			[step, step, cut, step, step, step, step, step].forEach((e) => e.click()), true`)
		if v.Width == 1440 {
			browsertest.Eval[bool](tab, `[cut, step].forEach((e) => e.click()), true`)
		}
		tab.Wait(`minetotal.textContent !== ""`)
		if v.Dark {
			tab.Fill("#text3", "Nobody saw anything.")
		}
		if wide := browsertest.Eval[int](tab, `document.documentElement.scrollWidth`); int64(wide) > v.Width {
			t.Errorf("the page is %d wide in a window of %d", wide, v.Width)
		}
		for _, barrier := range tab.Barriers() {
			t.Errorf("%d, dark %v: %s", v.Width, v.Dark, barrier)
		}
		tab.Screenshot(name + ".png")
	}
}
