package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
)

// TestRun keeps a chain for some minutes: settled blocks while the job runs, all of them at its end.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		blocks := w.grow(nil, "a", 30)
		ctx, cancel := context.WithCancel(t.Context())
		j := w.job()
		done := make(chan error)
		go func() { done <- j.Run(ctx) }()
		for height := 1; height <= 30; height += 5 {
			w.chain.set(blocks[:height+1]...)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			w.want(blocks[:max(1, height+1-6)])
		}
		w.chain.set(blocks...)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		w.want(blocks)
		if found := w.aside(); len(found) > 0 || w.log.Len() > 0 {
			t.Errorf("files %v, log %s", found, w.log)
		}
	})
}

// TestReadsNothingBack holds that neither a pass nor a start reads the file, however long it is.
func TestReadsNothingBack(t *testing.T) {
	w := newWorld(t)
	blocks := w.grow(nil, strings.Repeat("long", 2000), 60)
	w.chain.set(blocks[:40]...)
	w.run()
	size := len(w.read("test.chain"))
	w.disk.read = 0
	j := w.job()
	defer j.forget()
	for height := 40; height < 60; height += 4 {
		w.chain.set(blocks[:height]...)
		if err := j.pass(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	w.want(blocks[:56-6])
	if w.disk.read > 80<<10 || size < 300<<10 {
		t.Errorf("%d bytes of %d were read", w.disk.read, size)
	}
}

// TestDamage starts on a file that a power cut or a person has changed.
func TestDamage(t *testing.T) {
	rng := random.Source(t)
	other := func() string {
		n := coretest.Network(t, func(p *core.Params) { p.Difficulty = 2 })
		return string(chainfile.AppendGenesis(nil, n))
	}()
	for _, tt := range []struct {
		name  string
		edit  func(*world, string)
		aside int
	}{
		{"nothing", func(*world, string) {}, 0},
		{"half a line more", func(w *world, text string) { w.write("test.chain", text+text[len(text)/2:len(text)-1]) }, 0},
		{"zeros after the end", func(w *world, text string) { w.write("test.chain", text+strings.Repeat("\x00", 9000)) }, 0},
		{"zeros for the end", func(w *world, text string) {
			cut := rng.IntN(len(text))
			w.write("test.chain", text[:cut]+strings.Repeat("\x00", len(text)-cut))
		}, 0},
		{"cut anywhere", func(w *world, text string) { w.write("test.chain", text[:rng.IntN(len(text))]) }, 0},
		{"cut after a line", func(w *world, text string) {
			cut := rng.IntN(len(text) - 1)
			w.write("test.chain", text[:cut+strings.IndexByte(text[cut:], '\n')+1])
		}, 0},
		{"empty", func(w *world, _ string) { w.write("test.chain", "") }, 0},
		{"gone", func(w *world, _ string) { os.Remove(filepath.Join(w.dir, "test.chain")) }, 0},
		{"other network", func(w *world, _ string) { w.write("test.chain", other) }, 1},
		{"something else", func(w *world, _ string) { w.write("test.chain", "my diary\n") }, 1},
		{"state gone", func(w *world, text string) { os.Remove(filepath.Join(w.dir, "test.chain.state")) }, 0},
		{"state is nonsense", func(w *world, _ string) {
			w.write("test.chain.state", `{"end":{"size":7,"sha256":"AAAA"},"settled":{}}`)
		}, 0},
		{"state of a longer file", func(w *world, text string) {
			w.write("test.chain", text[:strings.LastIndexByte(text[:len(text)-1], '\n')+1])
		}, 0},
		{"state gone and a byte changed", func(w *world, text string) {
			os.Remove(filepath.Join(w.dir, "test.chain.state"))
			at := rng.IntN(lastHeader(text))
			for text[at] == '\n' || at < strings.IndexByte(text, '\n') {
				at = rng.IntN(lastHeader(text))
			}
			w.write("test.chain", text[:at]+"#"+text[at+1:])
		}, 0},
		{"state gone and the last line is of no block", func(w *world, text string) { // so nobody knows what it was
			os.Remove(filepath.Join(w.dir, "test.chain.state"))
			at := lastHeader(text) + rng.IntN(len(text)-1-lastHeader(text))
			w.write("test.chain", text[:at]+"#"+text[at+1:])
		}, 1},
		{"a byte of the last header changed", func(w *world, text string) {
			at := len(text) - len("0\"}\n")
			w.write("test.chain", text[:at]+string('0'+('9'-text[at])%10)+text[at+1:])
		}, 0},
		{"hash gone", func(w *world, _ string) { os.Remove(filepath.Join(w.dir, "test.hash")) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			blocks := w.grow(nil, "a", 20)
			w.chain.set(blocks[:15]...)
			w.run()
			tt.edit(w, w.read("test.chain"))
			w.chain.set(blocks...)
			w.run()
			w.want(blocks)
			if found := w.aside(); len(found) != tt.aside {
				t.Errorf("%v was kept, want %d files", found, tt.aside)
			}
		})
	}
}

// lastHeader returns where the header at the end of a chain file begins, with the name of its member.
func lastHeader(text string) int { return strings.LastIndex(text, `,"header":"`) }

// TestNewStore starts with an empty chain beside the file of a long one: nothing of it is lost.
func TestNewStore(t *testing.T) {
	w := newWorld(t)
	blocks := w.grow(nil, "a", 20)
	w.chain.set(blocks...)
	w.run()
	w.chain.set(blocks[0])
	w.run()
	w.want(blocks[:1])
	if found := w.aside(); len(found) != 1 || w.read(found[0]) != w.lines(blocks) {
		t.Errorf("%v was kept, want the whole chain", found)
	}
}

// TestRecheck writes a line anew whose message was erased, also in the middle of the file.
func TestRecheck(t *testing.T) {
	w := newWorld(t)
	blocks := w.grow(nil, "secret ", 20)
	w.chain.set(blocks...)
	j := w.job()
	defer j.forget()
	if err := j.pass(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	w.want(blocks)
	blocks[5] = coretest.WithoutBodies(blocks[5])
	w.chain.set(blocks...)
	j.Recheck()
	w.chain.broken = errors.New("bad sector")
	if err := j.pass(t.Context(), true); !errors.Is(err, w.chain.broken) {
		t.Fatalf("pass = %v, want a bad sector", err)
	}
	w.chain.broken = nil
	if err := j.pass(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	w.want(blocks)
	if strings.Contains(w.read("test.chain"), `"secret 4"`) || len(w.aside()) > 0 {
		t.Error("the message is still there")
	}
}

// TestFullDisk has a full disk for a while: it is told once, and made good for.
func TestFullDisk(t *testing.T) {
	for _, room := range []bool{false, true} {
		t.Run(fmt.Sprint("asked before: ", room), func(t *testing.T) {
			w := newWorld(t)
			blocks := w.grow(nil, "a", 30)
			w.chain.set(blocks[:10]...)
			j := w.job()
			defer j.forget()
			full := error(nil)
			if room {
				j.cfg.Room = func() error { return full }
			}
			j.try(t.Context(), true)
			w.want(blocks[:10])
			w.chain.set(blocks...)
			full = &os.PathError{Op: "write", Path: "test.chain", Err: syscall.ENOSPC}
			if !room {
				w.disk.fail = full
			}
			for range 5 {
				j.try(t.Context(), true)
			}
			if n := strings.Count(w.log.String(), "no space left"); n != 1 {
				t.Errorf("it was logged %d times: %s", n, w.log)
			}
			full, w.disk.fail = nil, nil
			j.try(t.Context(), true)
			w.want(blocks)
			if n := strings.Count(w.log.String(), "is written again"); n != 1 {
				t.Errorf("its end was logged %d times: %s", n, w.log)
			}
		})
	}
}

// TestNoTime ends in the middle of a long pass: the file is whole, and the next pass goes on.
func TestNoTime(t *testing.T) {
	w := newWorld(t)
	blocks := w.grow(nil, "a", 30)
	w.chain.set(blocks...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j := w.job()
	j.try(ctx, true)
	w.want(blocks[:1])
	j.try(t.Context(), true)
	w.want(blocks)
	j.forget()
	os.Remove(filepath.Join(w.dir, "test.chain.state"))
	j.try(ctx, true) // would read all of the file
	j.try(t.Context(), true)
	w.want(blocks)
	j.forget()
	if w.log.Len() > 0 {
		t.Errorf("log: %s", w.log)
	}
}

// TestLongPass saves its state on the way, so that a kill leaves little to be compared.
func TestLongPass(t *testing.T) {
	w := newWorld(t)
	blocks := w.grow(nil, "a", 3)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	tip := coretest.Genesis(w.n)
	for _, b := range blocks[1:] {
		tip = tip.After(b)
	}
	for i := range 30 {
		var msgs []*core.Message
		for k := range 40 {
			msgs = append(msgs, coretest.Message(t, w.n, coretest.Key(0), fmt.Sprint(i, k, string(big))))
		}
		b := coretest.Next(t, w.n, tip, msgs...)
		blocks, tip = append(blocks, b), tip.After(b)
	}
	w.chain.set(blocks...)
	j := w.job()
	defer j.forget()
	if err := j.pass(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	w.want(blocks)
	if saves := len(w.read("test.chain"))/saveEvery + 1; saves < 3 || w.disk.renames < 2*saves {
		t.Errorf("%d renames for %d saves of two files", w.disk.renames, saves)
	}
}
