package api_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"p2pchain/api"
)

// maxMore is how much more memory a node may take for clients that mean ill. Where all 2,000 connections do
// the same, and that is something the node has to keep them for, such as following events, the buffers
// and stacks of net/http alone, some 25 KiB a connection, take more.
const (
	maxMore     = 32 << 20
	maxMoreSame = 56 << 20
)

// An attack opens a connection, sends what keeps it busy, and then does nothing more.
type attack struct {
	name string
	send []byte
}

// attacks returns the ways to be slow.
func attacks() []attack {
	long := func(head, piece string, size int) []byte {
		return append([]byte(head), bytes.Repeat([]byte(piece), size/len(piece))...)
	}
	lines := new(bytes.Buffer)
	for i := range 2000 {
		fmt.Fprintf(lines, "%x:\r\n", i)
	}
	const post = "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
	return []attack{
		{"nothing", nil},
		{"half a line", []byte("GET /cha")},
		{"half a header", []byte("GET /chain HTTP/1.1\r\nHost: localhost\r\nX: y\r\n")},
		{"a long header", long("GET /chain HTTP/1.1\r\nHost: localhost\r\nX: ", "x", 200<<10)},
		{"a header of many lines", append([]byte("GET /chain HTTP/1.1\r\nHost: localhost\r\n"), lines.Bytes()...)},
		{"an idle connection", []byte("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"half a text", []byte(post + "text/plain\r\nContent-Length: 10000\r\n\r\nx")},
		{"most of a JSON", long(post+"application/json\r\nContent-Length: 100000\r\n\r\n", `{"message":"`+strings.Repeat("x", 1000), 80<<10)},
		{"half a batch", []byte(post + "application/x-ndjson\r\nContent-Length: 10000000\r\n\r\n\"")},
		{"a long line of a batch", long(post+"application/x-ndjson\r\nContent-Length: 10000000\r\n\r\n", `"xxxxxxxxx`, 90<<10)},
		{"half a vote", []byte("POST /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n{")},
		{"half a chain file", []byte("POST /api/v1/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n{")},
		{"a body that waits to be asked for", []byte(post + "text/plain\r\nContent-Length: 10000\r\nExpect: 100-continue\r\n\r\n")},
		{"a body of a refused request", []byte("POST /chain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n")},
		{"chunks without end", []byte(post + "text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")},
		{"a large answer that nobody reads", []byte("GET /chain HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"an export that nobody reads", []byte("GET /api/v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"many answers that nobody reads", bytes.Repeat([]byte("GET /api/v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n"), 500)},
		{"events that nobody reads", []byte("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"a wait", []byte("GET /api/v1/messages/" + strings.Repeat("0", 64) + "?wait=confirmed HTTP/1.1\r\nHost: localhost\r\n\r\n")},
	}
}

// TestSlowClients holds 2,000 connections of clients that are slow in every way, and has honest
// clients beside them: each of these gets an answer, no message is lost or made, and the memory stays.
func TestSlowClients(t *testing.T) {
	if underRace {
		t.Skip("its memory is that of the race detector, and large answers, which give way to all else, take longer than honest clients wait")
	}
	kinds := attacks()
	if os.Getenv("P2PCHAIN_LONG") == "" {
		t.Run("all kinds", func(t *testing.T) { besiege(t, kinds, maxMore) })
		return
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) { besiege(t, []attack{kind}, maxMoreSame) })
	}
}

func besiege(t *testing.T, kinds []attack, most int64) {
	f := startMeasured(t, func(_ *api.Config, d *api.Deps) { d.Chain = &endlessChain{Chain: d.Chain} })
	before := memory()
	conns := openAll(t, strings.TrimPrefix(f.url, "http://"), 2000, kinds)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	honest := honestClients(t, f, 4, 5)
	if more := memory() - before; more > most {
		t.Errorf("the node takes %d MiB more", more>>20)
	} else {
		t.Logf("%d connections, %.1f MiB more", len(conns), float64(more)/(1<<20))
	}
	f.pool.mu.Lock()
	defer f.pool.mu.Unlock()
	if len(f.pool.waiting) != honest {
		t.Errorf("%d messages wait, want the %d of the honest clients", len(f.pool.waiting), honest)
	}
}

// openAll opens connections, many at a time, and sends what they are to send.
func openAll(t *testing.T, addr string, count int, kinds []attack) []net.Conn {
	t.Helper()
	const atOnce = 20
	var all sync.WaitGroup
	lists := make([][]net.Conn, atOnce)
	for n := range atOnce {
		all.Go(func() {
			for i := n; i < count; i += atOnce {
				conn, err := net.Dial("tcp", addr)
				if errors.Is(err, syscall.EMFILE) && i >= 500 {
					t.Logf("this machine allows some %d connections", i)
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				lists[n] = append(lists[n], conn)
				conn.(*net.TCPConn).SetReadBuffer(4 << 10) // so that it is soon full
				// What the node does not take soon it will never take.
				conn.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
				conn.Write(kinds[i/atOnce%len(kinds)].send)
			}
		})
	}
	all.Wait()
	return slices.Concat(lists...)
}

// honestClients make requests of every kind, on connections that stay and on new ones, and returns how
// many messages they added.
func honestClients(t *testing.T, f *effects, clients, rounds int) (messages int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			transport := &http.Transport{DisableKeepAlives: i%2 == 0}
			defer transport.CloseIdleConnections()
			c := &http.Client{Transport: transport}
			for round := range rounds {
				text := fmt.Sprintf("%d-%d-%d", i, round, rand.Uint64())
				for _, rq := range []struct{ method, path, media, body string }{
					{"GET", "/livez", "", ""},
					{"GET", "/api/v1/node", "", ""},
					{"GET", "/api/v1/mempool?limit=1", "", ""},
					{"PUT", "/add?message=" + text, "", ""},
					{"POST", "/api/v1/messages", "text/plain", text},
					{"POST", "/api/v1/messages", "application/json", `{"message":"` + text + `"}`},
					{"POST", "/api/v1/messages", "application/x-ndjson", `"` + text + `"`},
				} {
					if err := succeed(c, rq.method, f.url+rq.path, rq.media, rq.body); err != nil {
						t.Errorf("client %d, round %d: %s %s: %v", i, round, rq.method, rq.path, err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	return clients * rounds * 4
}

func succeed(c *http.Client, method, url, media, body string) error {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", media)
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", resp.StatusCode, text)
	}
	return err
}

// memory returns the bytes in use, by objects that can be reached and by stacks. What waits in a pool to be
// used again is collected in two steps.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() + sample[1].Value.Uint64())
}

// TestHostileJSON sends JSON that parsers stumble over, to every route that takes any. Nothing may come
// of it, and what it costs is bounded by its size.
func TestHostileJSON(t *testing.T) {
	f := startMeasured(t)
	const size = 90 << 10
	deep := func(open, shut string) string { return strings.Repeat(open, size/len(open)) + shut }
	keys := new(strings.Builder)
	for i := range size / 12 {
		fmt.Fprintf(keys, `"%x":0,`, i)
	}
	hostile := map[string]string{
		"arrays":                 deep("[", ""),
		"closed arrays":          deep("[", strings.Repeat("]", size)),
		"objects":                deep(`{"a":`, ""),
		"arrays in a member":     `{"message":` + deep("[", strings.Repeat("]", size)) + "}",
		"arrays in data":         `{"data":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}",
		"a key twice":            `{"message":"a","message":"b","data":1,"data":2,"mode":"off","mode":"auto","multiaddr":"x","multiaddr":"y"}`,
		"a key twice, as escape": `{"data":"a","d\u0061ta":"b","mode":"off","m\u006fde":"auto","message":"a","mess\u0061ge":"b"}`,
		"a key twice, inside":    `{"data":{"a":1,"a":2},"message":{"a":1,"a":2}}`,
		"many keys":              "{" + strings.TrimSuffix(keys.String(), ",") + "}",
		"a number without end":   `{"data":1` + strings.Repeat("0", size) + `,"mode":1e` + strings.Repeat("9", 99) + "}",
		"half a surrogate":       `{"data":"\ud800","message":"\udc00\ud800","mode":"\ud800"}`,
		"no UTF-8":               "{\"data\":\"\xff\",\"message\":\"\xc0\x80\",\"mode\":\"\xed\xa0\x80\"}",
		"a byte order mark":      "\ufeff{\"data\":\"x\",\"message\":\"x\"}",
		"comments":               `{"data":"x"/* */,"message":"x"}`,
		"two values":             `{"data":"x","message":"x"}{"data":"x"}`,
		"a comma too many":       `{"data":"x","message":"x",}`,
		"NaN":                    `{"data":NaN,"message":NaN,"mode":NaN}`,
		"white space":            strings.Repeat(" ", size),
		"quotes":                 strings.Repeat(`"`, size),
		"backslashes":            `{"data":"` + strings.Repeat(`\`, size),
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // so that TotalAlloc is what is in use at most
	for name, text := range hostile {
		for _, w := range [][3]string{
			{"POST", "/data", ""}, {"POST", "/peers", ""}, {"POST", "/api/v1/messages", "application/json"},
			{"POST", "/api/v1/messages", "application/x-ndjson"}, {"PUT", "/api/v1/mining", "application/json"},
			{"POST", "/api/v1/peers", "application/json"},
		} {
			was := allocated()
			a := f.do(w[0], w[1], text, "Content-Type", w[2])
			if got := allocated() - was; got > 4<<20 {
				t.Errorf("%s to %s: %d KiB were allocated", name, w[1], got>>10)
			}
			refused := a.status >= 400 && a.status < 500
			if w[2] == "application/x-ndjson" && a.status == 200 {
				refused = !strings.Contains(a.body, `"accepted"`)
			}
			if !refused {
				t.Errorf("%s to %s as %q: %d %.200s", name, w[1], w[2], a.status, a.body)
			}
		}
		runtime.GC()
	}
	if n := f.changes(); n != 0 {
		t.Errorf("%d changes", n)
	}
}

func allocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

// TestHugeBodiesInMemory offers 100 MB to every route that changes something, with and without their
// length, alone and many at once: what is allocated for all of it stays below the bound.
func TestHugeBodiesInMemory(t *testing.T) {
	f := startMeasured(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, r := range api.RouteLines() {
		if r.Method == http.MethodGet || strings.HasSuffix(r.Pattern, "/import") {
			continue // an import may be that long
		}
		for _, media := range []string{"text/plain", "application/json", "application/x-ndjson", "application/octet-stream", "application/vnd.p2pchain.message"} {
			for _, length := range []int64{100 << 20, -1} {
				runtime.GC()
				was := allocated()
				status := f.huge(r.Method, path(r), media, length)
				if got := allocated() - was; got > maxMore {
					t.Errorf("%s %s as %s: %d MiB were allocated", r.Method, r.Pattern, media, got>>20)
				}
				// What takes no body at all answers as ever.
				if status >= 500 || status == 200 && media != "application/x-ndjson" && r.Pattern != "/add" && r.Pattern != "/node" && !strings.HasSuffix(r.Pattern, "{id}") {
					t.Errorf("%s %s as %s: %d", r.Method, r.Pattern, media, status)
				}
			}
		}
	}
	for _, text := range f.pool.texts() {
		if text != "x" { // of PUT /add
			t.Errorf("a message of %d bytes was added", len(text))
		}
	}
}

// huge sends a body of 100 MB and returns the status, 0 if the connection broke before.
func (f *fixture) huge(method, path, media string, length int64) int {
	r, err := http.NewRequest(method, f.url+path, new(zeros))
	if err != nil {
		f.t.Fatal(err)
	}
	r.ContentLength = length
	r.Header.Set("Content-Type", media)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestCapsOfHeaders sends headers that nothing has a use for.
func TestCapsOfHeaders(t *testing.T) {
	f := startCounting(t)
	for _, tt := range []struct {
		name, target, fields string
		status               int
	}{
		{"a long query", "/chain?x=" + strings.Repeat("x", 20<<10), "", 414},
		{"a long path", "/" + strings.Repeat("x", 20<<10), "", 414},
		{"a long message", "/add?message=" + strings.Repeat("x", 16<<10), "", 200},
		{"a long field", "/chain", "X: " + strings.Repeat("x", 40<<10) + "\r\n", 431},
		{"many fields", "/chain", strings.Repeat("X: y\r\n", 200), 431},
		{"as many as may be", "/chain", strings.Repeat("X: y\r\n", 99), 200},
		{"longer than any", "/chain", "X: " + strings.Repeat("x", 300<<10) + "\r\n", 431},
	} {
		method := "GET"
		if strings.HasPrefix(tt.target, "/add") {
			method = "PUT"
		}
		conn := f.dial()
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, tt.target, tt.fields)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if resp.Body.Close(); resp.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, resp.StatusCode, tt.status)
		}
		conn.Close()
	}
}
