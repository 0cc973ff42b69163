package api_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
)

// within is how long an answer may outlive what it goes on by.
const within = 15 * time.Second

// A guest is a client of a node that says nothing without a token, and his token may be removed.
type guest struct {
	*realNode
	removed atomic.Bool
}

func newGuest(t *testing.T, edits ...func(*api.Config, *api.Deps)) *guest {
	t.Helper()
	g := new(guest)
	known := oneToken("secret")
	g.realNode = newRealNode(t, append(edits, func(c *api.Config, deps *api.Deps) {
		c.Auth = api.AuthAll
		c.Tokens = func(sum [sha256.Size]byte) (api.Scope, bool) {
			scope, ok := known(sum)
			return scope, ok && !g.removed.Load()
		}
		deps.Pages = http.HandlerFunc(page)
	})...).pipe()
	return g
}

// post sends a form as a browser does, and returns the cookie that it got.
func (g *guest) post(path, form, cookie string) string {
	g.t.Helper()
	r := httptest.NewRequest("POST", "http://localhost"+path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Cookie", cookie)
	w := httptest.NewRecorder()
	g.server.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		g.t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
	}
	cookie, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return cookie
}

// TestEventsEnd holds that nobody hears events for long who may not any more, busy or silent, and everybody else does.
func TestEventsEnd(t *testing.T) {
	const half = 12 * time.Hour
	for _, tt := range []struct {
		name    string
		session bool
		end     func(g *guest, cookie string)
		after   time.Duration // when end is called
	}{
		{"signed out", true, func(g *guest, cookie string) { g.post("/ui/signout", "", cookie) }, time.Minute},
		{"token of the session removed", true, func(g *guest, _ string) { g.removed.Store(true) }, time.Minute},
		{"token removed", false, func(g *guest, _ string) { g.removed.Store(true) }, time.Minute + 14*time.Second},
		{"half a day", true, func(*guest, string) {}, half},
	} {
		for _, accept := range []string{"text/event-stream", "application/x-ndjson"} {
			for _, busy := range []bool{false, true} {
				t.Run(fmt.Sprint(tt.name, " ", accept, " busy ", busy), func(t *testing.T) {
					if busy && tt.after == half {
						t.Skip("too many events")
					}
					synctest.Test(t, func(t *testing.T) {
						g := newGuest(t)
						header, value := "Authorization", "Bearer secret"
						if tt.session {
							header, value = "Cookie", g.post("/ui/signin", "token=secret", "")
						}
						begun := time.Now()
						l := g.listen("", "Accept", accept, header, value)
						l.want("hello")
						if err := l.conn.SetReadDeadline(begun.Add(tt.after + time.Minute)); err != nil {
							t.Fatal(err)
						}
						go func() {
							for i := 0; busy && time.Since(begun) < 2*time.Minute; i++ {
								g.add(g.message(fmt.Sprint(i)))
								time.Sleep(300 * time.Millisecond)
							}
						}()
						time.AfterFunc(tt.after, func() { tt.end(g, value) })
						err := l.end()
						if took := time.Since(begun); err != nil || took < tt.after || took > tt.after+within {
							t.Errorf("ended after %v with %v, want %v to %v later", took, err, tt.after, within)
						}
						time.Sleep(2 * time.Minute) // until the sender has ended
					})
				})
			}
		}
	}
}

// ask sends a request with the token on a connection of a minute, and returns the answer.
func (g *guest) ask(path string) *http.Response {
	g.t.Helper()
	conn, err := g.dial()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		g.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n", path); err != nil {
		g.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer
}

// TestLongAnswerEnds holds that a long answer is cut off, and not ended as if it were whole, once its token is removed.
func TestLongAnswerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, func(_ *api.Config, d *api.Deps) {
			d.Backup = func(_ context.Context, w io.Writer) error {
				for range 50 {
					time.Sleep(time.Second)
					if _, err := w.Write(make([]byte, 100<<10)); err != nil {
						return err
					}
				}
				return nil
			}
		})
		begun := time.Now()
		time.AfterFunc(20*time.Second, func() { g.removed.Store(true) })
		answer := g.ask("/api/v1/backup")
		_, err := io.Copy(io.Discard, answer.Body)
		if took := time.Since(begun); !errors.Is(err, io.ErrUnexpectedEOF) || took < 20*time.Second || took > 20*time.Second+within {
			t.Errorf("ended after %v with %v", took, err)
		}
	})
}

// TestWaitEnds holds that who waits for a confirmation hears nothing of it once his token is removed.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		m := g.message("one")
		g.add(m)
		begun := time.Now()
		time.AfterFunc(20*time.Second, func() { g.removed.Store(true) })
		answer := g.ask("/api/v1/messages/" + m.ID.String() + "?wait=confirmed&timeout=50s")
		body, err := io.ReadAll(answer.Body)
		if took := time.Since(begun); err != nil || answer.StatusCode != 401 || !strings.Contains(string(body), `"code":"token_unknown"`) || took > 20*time.Second+within {
			t.Errorf("after %v: %d %s, %v", took, answer.StatusCode, body, err)
		}
	})
}

// TestLongBodyEnds holds that a batch adds nothing more once its token is removed, and says what it added before.
func TestLongBodyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		conn, err := g.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n")
		time.AfterFunc(20*time.Second, func() { g.removed.Store(true) })
		go func() {
			for i := range 50 {
				if _, err := fmt.Fprintf(conn, "\"message %d\"\n", i); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		begun := time.Now()
		text, _ := io.ReadAll(conn)
		if took := time.Since(begun); !strings.Contains(string(text), `"status":"stopped","code":"token_unknown"`) || took < 20*time.Second || took > 20*time.Second+within {
			t.Errorf("after %v: %s", took, text)
		}
		conn.Close()
		time.Sleep(time.Second) // until the sender has noticed
	})
}
