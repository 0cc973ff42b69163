//go:build linux

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// holding returns the files of a machine that have a text in them.
func (m *machine) holding(text string) (files []string) {
	m.t.Helper()
	err := filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if bytes.Contains(content, []byte(text)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return files
}

// shows reports whether any answer of a node has a text.
func (m *machine) shows(text string) error {
	for _, path := range []string{"/chain", "/data", "/api/v1/messages?text=" + text, "/api/v1/search?q=" + text, "/api/v1/export", "/api/v1/mempool"} {
		resp, err := m.http.Get(m.url + path)
		if err != nil {
			return err
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: status %d, %v", path, resp.StatusCode, err)
		}
		found := body.String()
		if strings.HasPrefix(path, "/api/v1/search") { // it repeats what is looked for
			_, found, _ = strings.Cut(found, `"blocks"`)
		}
		if strings.Contains(found, text) {
			return fmt.Errorf("%s still has it", path)
		}
	}
	return nil
}

// An erasure reveals itself.
type erasure struct {
	By            string
	Message       *string
	Settled, Gone bool
}

// erasureOf returns how a message was erased on a node, nil if it was not.
func (m *machine) erasureOf(id string) (*erasure, error) {
	var r struct{ Erasure *erasure }
	err := m.get("/api/v1/messages/"+id, &r)
	return r.Erasure, err
}

// gone is nil once no file of the node has the bytes of an erased message.
func (m *machine) gone(id string) error {
	e, err := m.erasureOf(id)
	if err == nil && (e == nil || !e.Gone) {
		err = fmt.Errorf("%+v", e)
	}
	return err
}

// TestErase erases a message with real processes: one node's author asks, both forget, also one that is
// killed on the way, and a third that comes later; a proof that was made before and one that is made after
// still verify.
func TestErase(t *testing.T) {
	t.Parallel()
	began := time.Now()
	lap := func(what string) { t.Logf("%6.1f s: %s", time.Since(began).Seconds(), what) }
	const secret, kept = "Xsecret7pepper", "Xkept7salt"
	flags := []string{"--network", "test", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"}
	one := newMachine(t, "one", append(flags, "--mine", "always")...)
	one.start()
	two := newMachine(t, "two", append(flags, "--mine", "off")...)
	two.start("--bootstrap", one.url)

	id, err := one.add(secret)
	if err != nil {
		t.Fatal(err)
	}
	keptID, err := one.add(kept)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "before.p2pproof")
	for _, m := range []*machine{one, two} {
		m.eventually("settled", func() error {
			var r struct{ Confirmations uint64 }
			if err := m.get("/api/v1/messages/"+id, &r); err != nil || r.Confirmations < 10 {
				return fmt.Errorf("%d confirmations, %w", r.Confirmations, err)
			}
			return nil
		})
		if m.shows(secret) == nil || len(m.holding(secret)) == 0 {
			t.Fatalf("%s does not show the message, or no file has it: nothing could be found later", m.name)
		}
	}
	lap("settled")
	if _, err := one.run(nil, "proof", id, "-o", file); err != nil {
		t.Fatal(err)
	}

	// The node that is asked hides it at once, and the other one as soon as it hears of it.
	if out, err := one.run(nil, "erase", id, "--yes", "--json"); err != nil || !strings.Contains(out, `"scope":"network"`) {
		t.Fatalf("%s, %v", out, err)
	}
	if err := one.shows(secret); err != nil {
		t.Errorf("one: %v", err)
	}
	two.eventually("the other one hides it", func() error { return two.shows(secret) })
	lap("hidden on both")
	two.kill() // wherever it is
	two.start("--bootstrap", one.url)
	if err := two.shows(secret); err != nil {
		t.Errorf("two, after a kill: %v", err)
	}
	lap("restarted")
	if out, err := one.run(nil, "erase", id, "--yes", "--wait", "--timeout", "80s"); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	lap("gone on one")
	two.eventually("the bytes gone", func() error { return two.gone(id) })
	for _, m := range []*machine{one, two} {
		if files := m.holding(secret); len(files) > 0 {
			t.Errorf("%s: the payload is still in %q", m.name, files)
		}
		if e, err := m.erasureOf(id); err != nil || e == nil || e.By != "author" || e.Message == nil {
			t.Errorf("%s: %+v, %v", m.name, e, err)
		}
	}

	lap("gone on two")
	// One that comes later gets everything else, and learns of the wish.
	three := newMachine(t, "three", append(flags, "--mine", "off")...)
	three.start("--bootstrap", two.url)
	three.eventually("the erasure", func() error { return three.gone(id) })
	lap("third synced")
	after := filepath.Join(t.TempDir(), "after.p2pproof")
	if _, err := three.run(nil, "proof", id, "-o", after); err != nil {
		t.Error(err)
	}
	for _, proof := range []string{file, after} {
		if out, err := three.run(nil, "verify", proof); err != nil {
			t.Errorf("%s: %s, %v", proof, out, err)
		}
	}
	if text, err := os.ReadFile(after); err != nil || !bytes.Contains(text, []byte(`"body":null`)) {
		t.Errorf("a proof of an erased message: %s, %v", text, err)
	}
	lap("verified")
	time.Sleep(time.Second) // whoever would bring it back has had time to
	for _, m := range []*machine{one, two, three} {
		if err := m.shows(secret); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if e, err := m.erasureOf(keptID); err != nil || e != nil || m.shows(kept) == nil {
			t.Errorf("%s lost what nobody erased: %+v, %v", m.name, e, err)
		}
		m.stop()
		if files := m.holding(secret); len(files) > 0 {
			t.Errorf("%s, after it ended: the payload is still in %q", m.name, files)
		}
		if out, err := m.run(nil, "check", "--deep"); err != nil {
			t.Errorf("%s: %s, %v", m.name, out, err)
		}
	}
	lap("done")
}
