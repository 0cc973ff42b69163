package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"p2pchain/api"
	"p2pchain/api/openapi"
	"p2pchain/core"
)

// TestSamples runs every example of the description, as far as it is a call of curl, against a node
// that has what they name. So every operation is answered with success at least once, and that answer
// is held to its schema.
func TestSamples(t *testing.T) {
	var spec struct {
		Paths map[string]map[string]struct {
			Samples []struct{ Source string } `yaml:"x-codeSamples"`
		}
	}
	if err := yaml.Unmarshal(openapi.YAML(), &spec); err != nil {
		t.Fatal(err)
	}
	file, _ := exported(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"chain.jsonl": file, "picture.png": "\x89PNG\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, methods := range spec.Paths {
		for method, op := range methods {
			for _, sample := range op.Samples {
				t.Run(method+" "+path, func(t *testing.T) {
					call := readCurl(t, dir, sample.Source)
					if !strings.EqualFold(call.method, method) || !fitsPath(call.url.Path, path) {
						t.Fatalf("%s: it calls %s %s", sample.Source, call.method, call.url.Path)
					}
					call.run(t, everything(t))
				})
			}
		}
	}
}

// everything is a node that has what the examples name, and every part that may be missing.
func everything(t *testing.T) *fixture {
	t.Helper()
	f := importing(t, func(_ *api.Config, d *api.Deps) {
		d.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			io.WriteString(w, "p2pchain_blocks 3\n")
		})
		d.Profiles, d.Pages = http.HandlerFunc(pprof.Index), http.HandlerFunc(page)
		d.Proofs = provable{d.Archive.(*archive).MemStore, d.Network}
		d.Backup = func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "a tar archive")
			return err
		}
	})
	f.sample()
	peer := twoPeers()[0]
	peer.ID = "12D3KooWGzh6wqTUkBKRB7KE9ZvdvEbMxQZUfjUn2bqZJL4bHRDD"
	f.host.peers = append(f.host.peers, peer)
	f.host.vote = func(context.Context, *core.Message) (int, int) { return 1, 1 }
	return f
}

// fitsPath reports whether a path is one that a pattern with variables means.
func fitsPath(path, pattern string) bool {
	have, want := strings.Split(path, "/"), strings.Split(pattern, "/")
	for i := range want {
		if len(have) != len(want) || want[i] != have[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

// A curl is a call of curl.
type curl struct {
	method string
	url    *url.URL
	header http.Header
	body   string
	stream bool
}

// readCurl understands the options that the examples use.
func readCurl(t *testing.T, dir, line string) curl {
	t.Helper()
	stdin := ""
	if before, after, piped := strings.Cut(line, " | "); piped {
		stdin = strings.ReplaceAll(words(before)[1], `\n`, "\n")
		line = after
	}
	from := func(name string) string {
		if name == "-" {
			return stdin
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	c := curl{method: "GET", header: make(http.Header)}
	args := words(line)
	if args[0] != "curl" {
		t.Fatalf("%s: not a call of curl", line)
	}
	forced := ""
	for i := 1; i < len(args); i++ {
		value := args[min(i+1, len(args)-1)]
		switch args[i] {
		case "-N":
			c.stream = true
			continue
		case "-o":
		case "-X":
			forced = value
		case "-H":
			name, text, _ := strings.Cut(value, ":")
			c.header.Set(name, text)
		case "-d", "--data-binary", "-T":
			c.send(args[i], value, from)
		default:
			u, err := url.Parse(args[i])
			if err != nil || u.Host != "127.0.0.1:12345" {
				t.Fatalf("%s: %q is neither an option that this test knows nor the node", line, args[i])
			}
			c.url = u
			continue
		}
		i++
	}
	if forced != "" {
		c.method = forced
	}
	return c
}

// send takes in an option that gives a body.
func (c *curl) send(option, value string, from func(string) string) {
	c.body = value
	if name, file := strings.CutPrefix(value, "@"); file || option == "-T" {
		c.body = from(name)
	}
	if option == "-T" {
		c.method = "PUT"
		return
	}
	c.method = "POST"
	if c.header.Get("Content-Type") == "" {
		c.header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does
	}
}

// words splits a line as a shell does.
func words(line string) []string {
	var out []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, c := range line + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, open = c, true
		case quote == 0 && c == ' ':
			if open {
				out = append(out, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	return out
}

// run sends the request, and wants success.
func (c curl) run(t *testing.T, f *fixture) {
	t.Helper()
	query := strings.Replace(c.url.RawQuery, "timeout=1m", "timeout=10ms", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, c.method, f.url+c.url.Path+"?"+query, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = c.header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text []byte
	if c.stream {
		text, err = bufio.NewReader(resp.Body).ReadBytes('\n')
	} else {
		text, err = io.ReadAll(resp.Body)
	}
	if err != nil || resp.StatusCode/100 != 2 {
		t.Errorf("%d %s, %v", resp.StatusCode, text, err)
	}
}

// TestDescription reads the description in all its forms, once and then not again.
func TestDescription(t *testing.T) {
	f := start(t)
	for path, media := range map[string]string{
		"/api/v1/openapi.json": "application/json",
		"/api/v1/openapi.yaml": "application/yaml",
		"/api":                 "text/html; charset=utf-8",
		"/api/page.css":        "text/css; charset=utf-8",
		"/api/try.js":          "text/javascript; charset=utf-8",
	} {
		a := f.do("GET", path, "")
		etag := a.header.Get("ETag")
		if a.status != 200 || a.header.Get("Content-Type") != media || etag == "" || a.body == "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		for _, have := range []string{etag, `"x", W/` + etag, "*"} {
			if again := f.do("GET", path, "", "If-None-Match", have); again.status != 304 || again.body != "" || again.header.Get("ETag") != etag {
				t.Errorf("%s with %s: %d %v", path, have, again.status, again.header)
			}
		}
		if other := f.do("GET", path, "", "If-None-Match", `"x"`); other.status != 200 {
			t.Errorf("%s with another tag: %d", path, other.status)
		}
		zipped, plain := f.do("GET", path, "", "Accept-Encoding", "gzip"), f.do("GET", path, "", "Accept-Encoding", "identity")
		if zipped.header.Get("Content-Encoding") != "gzip" || zipped.header.Get("ETag") == plain.header.Get("ETag") || len(zipped.body) > 40<<10 {
			t.Errorf("%s for those who unpack: %d bytes, %v", path, len(zipped.body), zipped.header)
		}
		policy := a.header.Get("Content-Security-Policy")
		if path == "/api" {
			for _, rule := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
				if !strings.Contains(policy, rule) {
					t.Errorf("the page lacks %s in %q", rule, policy)
				}
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: %q", path, policy)
		}
	}
}
