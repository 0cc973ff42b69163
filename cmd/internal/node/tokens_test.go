package node

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/api"
)

// TestTokens makes, lists and takes back tokens, and asks a keyring about them all the while.
func TestTokens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	ring := newKeyring(dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	allows := func(token string, want api.Scope) {
		t.Helper()
		got, ok := ring.scope(sha256.Sum256([]byte(token)))
		if got != want || ok != (want != "") {
			t.Errorf("the token allows %q (%v), want %q", got, ok, want)
		}
	}
	allows("", "")
	own, err := EnsureToken(dir)
	if err != nil || len(own) != 2*tokenBytes {
		t.Fatalf("EnsureToken = %q, %v", own, err)
	}
	if again, err := EnsureToken(dir); again != own || err != nil {
		t.Errorf("EnsureToken again = %q, %v", again, err)
	}
	allows(own, api.ScopeAdmin)
	tokens := make(map[string]string)
	for _, scope := range api.Scopes() {
		if tokens[string(scope)], err = AddToken(dir, string(scope), scope, time.Now()); err != nil {
			t.Fatal(err)
		}
		allows(tokens[string(scope)], scope)
	}
	list, err := Tokens(dir)
	if err != nil || len(list) != 3 || list[0].Name != "read" || list[2].Scope != api.ScopeAdmin {
		t.Errorf("Tokens = %+v, %v", list, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, tokensFile))
	if err != nil || strings.Contains(string(text), tokens["read"]) {
		t.Errorf("the file holds the token itself (%v): %s", err, text)
	}
	if err := RemoveToken(dir, "write"); err != nil {
		t.Fatal(err)
	}
	allows(tokens["write"], "")
	allows(tokens["admin"], api.ScopeAdmin)
	for _, name := range []string{tokenFile, tokensFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info.Mode(), err)
		}
	}

	// What others may have read or written counts no more, until its owner has looked at it.
	for _, mode := range []os.FileMode{0o640, 0o620, 0o604, 0o602, 0o666} {
		for name, token := range map[string]string{tokenFile: own, tokensFile: tokens["admin"]} {
			path := filepath.Join(dir, name)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			allows(token, "")
			if _, err := EnsureToken(dir); name == tokenFile && !errors.Is(err, ErrDirectory) {
				t.Errorf("mode %v: EnsureToken: %v, want ErrDirectory", mode, err)
			}
			if _, err := Tokens(dir); name == tokensFile && !errors.Is(err, ErrDirectory) {
				t.Errorf("mode %v: Tokens: %v, want ErrDirectory", mode, err)
			}
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			allows(token, api.ScopeAdmin)
		}
	}
	if err := os.Remove(filepath.Join(dir, tokensFile)); err != nil {
		t.Fatal(err)
	}
	allows(tokens["admin"], "")
}

func TestTokensRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := AddToken(dir, "ci", api.ScopeRead, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		scope api.Scope
		want  error
	}{
		{"ci", api.ScopeRead, ErrTokenExists},
		{"", api.ScopeRead, ErrTokenName},
		{"a b", api.ScopeRead, ErrTokenName},
		{"a\nb", api.ScopeRead, ErrTokenName},
		{strings.Repeat("x", 65), api.ScopeRead, ErrTokenName},
		{"x", "", ErrTokenName},
		{"x", "root", ErrTokenName},
	} {
		if _, err := AddToken(dir, tt.name, tt.scope, time.Now()); !errors.Is(err, tt.want) {
			t.Errorf("%q with scope %q: %v, want %v", tt.name, tt.scope, err, tt.want)
		}
	}
	if err := RemoveToken(dir, "nobody"); !errors.Is(err, ErrNoToken) {
		t.Errorf("RemoveToken: %v, want ErrNoToken", err)
	}
	if list, err := Tokens(dir); len(list) != 1 || err != nil {
		t.Errorf("Tokens = %v, %v", list, err)
	}
}

// TestTokenFiles reads files that somebody edited. One bad line and none of them counts.
func TestTokenFiles(t *testing.T) {
	good := fmt.Sprintf(`{"name":"a","scope":"admin","sha256":%q,"created":"2026-01-02T03:04:05Z"}`, strings.Repeat("0", 64))
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"none", "", true},
		{"one", good, true},
		{"blank lines", "\n\n" + good + "\n\n", true},
		{"one twice", good + "\n" + good, false},
		{"garbage after one", good + "x", false},
		{"a member too many", strings.Replace(good, `"name"`, `"x":1,"name"`, 1), false},
		{"a scope of its own", strings.Replace(good, "admin", "root", 1), false},
		{"no scope", strings.Replace(good, "admin", "", 1), false},
		{"half a hash", strings.Replace(good, strings.Repeat("0", 64), strings.Repeat("0", 32), 1), false},
		{"no JSON", "name: a", false},
		{"too large", strings.Repeat("\n", maxTokenFile+1), false},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tokensFile), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Tokens(dir); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		ring := newKeyring(dir, slog.New(slog.DiscardHandler))
		if _, ok := ring.scope([32]byte{}); ok && !tt.ok {
			t.Errorf("%s: the token counts", tt.name)
		}
	}
}

// TestTokensAtOnce has many processes change the tokens: no change is lost.
func TestTokensAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	owns := make([]string, 8)
	for i := range owns {
		all.Go(func() {
			var err error
			if owns[i], err = EnsureToken(dir); err != nil {
				t.Error(err)
			}
			if _, err := AddToken(dir, fmt.Sprint("token", i), api.ScopeRead, time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if slices.ContainsFunc(owns, func(s string) bool { return s != owns[0] }) {
		t.Error("two tokens for one node")
	}
	if list, err := Tokens(dir); len(list) != len(owns) || err != nil {
		t.Errorf("%d tokens, %v; want %d", len(list), err, len(owns))
	}
}

// FuzzTokens holds that what is read can be written and is the same then.
func FuzzTokens(f *testing.F) {
	f.Add([]byte(`{"name":"a","scope":"admin","sha256":"` + strings.Repeat("0", 64) + `","created":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parseTokens(text)
		if err != nil {
			return
		}
		for _, token := range list {
			if err := token.check(); err != nil {
				t.Errorf("%+v was read: %v", token, err)
			}
		}
	})
}
