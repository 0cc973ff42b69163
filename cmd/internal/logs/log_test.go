package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	golog "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/gologshim"
)

// A page takes lines.
type page struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(p.text.String(), "\n"), "\n")
}

// open opens a log of JSON lines.
func open(t *testing.T, levels string, edits ...func(*Options)) (*Log, *page) {
	t.Helper()
	parsed, err := ParseLevels(levels)
	if err != nil {
		t.Fatal(err)
	}
	out := new(page)
	o := Options{Levels: parsed, Out: out, OutForm: JSON, FileForm: JSON}
	for _, edit := range edits {
		edit(&o)
	}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, out
}

// TestLevels has parts with levels of their own.
func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		text string
		want map[string]slog.Level
	}{
		{"info", map[string]slog.Level{"": slog.LevelInfo, "p2p": slog.LevelInfo, "libp2p": slog.LevelWarn}},
		{"debug", map[string]slog.Level{"": slog.LevelDebug, "store": slog.LevelDebug, "libp2p": slog.LevelWarn}},
		{"error", map[string]slog.Level{"": slog.LevelError, "libp2p": slog.LevelError}},
		{"info,p2p=debug", map[string]slog.Level{"": slog.LevelInfo, "p2p": slog.LevelDebug, "gossip": slog.LevelDebug, "syncer": slog.LevelDebug, "api": slog.LevelInfo}},
		{" Warn , p2p = debug,gossip=error", map[string]slog.Level{"node": slog.LevelWarn, "exchange": slog.LevelDebug, "gossip": slog.LevelError}},
		{"node=debug", map[string]slog.Level{"": slog.LevelDebug, "api": slog.LevelInfo}},
		{"libp2p=debug", map[string]slog.Level{"libp2p": slog.LevelDebug, "p2p": slog.LevelInfo}},
	} {
		levels, err := ParseLevels(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
		}
		for part, want := range tt.want {
			if got := levels.Of(part); got != want {
				t.Errorf("%q: %q is shown from %v on, want %v", tt.text, part, got, want)
			}
		}
	}
	for _, text := range []string{"", "loud", "info,", "p2p=", "p2p", "=debug", "pp=debug", "info,p2p=debug=warn"} {
		if _, err := ParseLevels(text); !errors.Is(err, ErrLevels) {
			t.Errorf("%q: %v, want ErrLevels", text, err)
		}
	}
}

// TestParts shows of each part what its level says.
func TestParts(t *testing.T) {
	l, out := open(t, "warn,p2p=debug,libp2p=info")
	for _, part := range []string{"p2p", "gossip", "store"} {
		l.Logger().With("part", part).Info("said by " + part)
	}
	l.Logger().Info("said by none")
	l.Logger().With("logger", "swarm2").Info("said by a library")
	l.Logger().With("part", "store", "logger", "pebble").Info("said by one below the store")
	l.Logger().With("part", "gossip").WithGroup("peer").With("part", "store").Info("in a group", "id", 5)
	l.Close()
	got := out.lines()
	want := []string{`"msg":"said by p2p","part":"p2p"}`, `"msg":"said by gossip","part":"gossip"}`,
		`"msg":"said by a library","part":"libp2p","logger":"swarm2"}`, `"msg":"in a group","part":"gossip","peer.part":"store","peer.id":5}`}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasSuffix(got[i], want[i]) {
			t.Errorf("line %d is %s, want %s", i, got[i], want[i])
		}
	}
	if l.Stats().Shown[slog.LevelInfo] != 4 {
		t.Errorf("Stats = %+v", l.Stats())
	}
}

// TestRepeats counts lines that come too often, and loses none that differs from others.
func TestRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := open(t, "debug")
		log := l.Logger().With("part", "gossip")
		for i := range 5000 {
			log.Warn("peer sends nonsense", "peer", i)
			log.Debug("every one", "i", i)
			log.Error("block refused", "err", "always the same")
		}
		log.Error("block refused", "err", "another one")
		time.Sleep(window + time.Second)
		synctest.Wait()
		count := func(part string) (n int) {
			for _, line := range out.lines() {
				if strings.Contains(line, part) {
					n++
				}
			}
			return n
		}
		for part, want := range map[string]int{
			`"msg":"every one"`: 5000, `"msg":"peer sends nonsense"`: burst + 1, `"err":"always the same"`: burstSame + 1,
			`"err":"another one"`: 1, fmt.Sprintf(`"peer":4999,"repeated":%d`, 5000-burst): 1, fmt.Sprintf(`"repeated":%d`, 5000-burstSame): 1,
		} {
			if got := count(part); got != want {
				t.Errorf("%d lines with %s, want %d", got, part, want)
			}
		}
		before := len(out.lines())
		time.Sleep(time.Hour)
		synctest.Wait()
		if after := len(out.lines()); after != before {
			t.Errorf("%d more lines about nothing", after-before)
		}
		if n := l.limit.remembered(); n > 0 {
			t.Errorf("%d kinds of lines are remembered for ever", n)
		}
		log.Warn("peer sends nonsense", "peer", "later")
		for range 100 {
			log.Warn("peer sends nonsense", "peer", "last")
		}
		l.Close()
		if count(`"peer":"later"`) != 1 || count(fmt.Sprintf(`"peer":"last","repeated":%d`, 101-burst)) != 1 {
			t.Errorf("at the end: %s", strings.Join(out.lines()[after(before, 3):], "\n"))
		}
	})
}

// remembered returns how many kinds of lines a limiter has in mind.
func (l *limiter) remembered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.repeats)
}

func after(n, least int) int { return max(0, n-least) }

// TestFloodOfKinds bounds memory and output where every line is another one.
func TestFloodOfKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := open(t, "info")
		for i := range 20_000 {
			l.Logger().Error(fmt.Sprintf("text %d", i%3), "err", i)
			l.Logger().Warn(fmt.Sprintf("warning %d", i))
		}
		if n := l.limit.remembered(); n > maxTexts+8 {
			t.Errorf("%d kinds are remembered", n)
		}
		time.Sleep(window + time.Second)
		synctest.Wait()
		// The errors of one text share what is over maxVariants, all texts what is over maxTexts.
		if n := len(out.lines()); n < maxTexts || n > 2*maxTexts+8*burst {
			t.Errorf("%d lines are shown", n)
		}
		last := out.lines()[len(out.lines())-8:]
		if !strings.Contains(strings.Join(last, ""), `"repeated":`) {
			t.Errorf("nobody is told of the rest: %s", last)
		}
		if got := l.Stats(); got.Suppressed < 38_000 || got.Lost > 0 {
			t.Errorf("Stats = %+v", got)
		}
	})
}

// A gate is a writer that blocks until it is opened.
type gate struct {
	open chan struct{}
	page
}

func (g *gate) Write(b []byte) (int, error) {
	<-g.open
	return g.page.Write(b)
}

// TestStuckReader has nobody wait for a terminal that is stopped, and tells of what is lost.
func TestStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		l, _ := open(t, "debug", func(o *Options) { o.Out = g })
		begun := time.Now()
		const count, size = 3000, 1000
		for i := range count {
			l.Logger().Debug("line", "i", i, "padding", strings.Repeat("x", size))
		}
		l.Logger().Error("the disk is full")
		l.Logger().Error("the disk fails")
		if took := time.Since(begun); took != errorPatience {
			t.Errorf("speaking took %v, want that of one error", took)
		}
		lost := l.Stats().Lost
		// As much again may be on its way to the reader.
		if least := uint64(count - 2*queueBytes*3/4/size); lost < least || lost > count-queueBytes/2/size {
			t.Errorf("%d of %d lines are lost, want %d or a few more", lost, count, least)
		}
		close(g.open)
		l.Close()
		text := strings.Join(g.lines(), "\n")
		for _, want := range []string{"the disk is full", "the disk fails", fmt.Sprintf(`"msg":"log lines were lost here, since nothing took them","count":%d}`, lost)} {
			if strings.Count(text, want) != 1 {
				t.Errorf("want %s once", want)
			}
		}
	})
}

// TestCloseEnds has the end of the log wait for nobody for long.
func TestCloseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		l, _ := open(t, "info", func(o *Options) { o.Out = g })
		l.Logger().Info("line")
		begun := time.Now()
		l.Close()
		if took := time.Since(begun); took != closePatience {
			t.Errorf("Close took %v", took)
		}
		l.Logger().Error("too late")
		if l.Stats().Lost != 1 {
			t.Errorf("%d lines lost, want the one after the end", l.Stats().Lost)
		}
		close(g.open)
	})
}

// TestLogFile has a file with the same lines in its own form.
func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "miner.log")
	l, out := open(t, "info", func(o *Options) { o.File, o.OutForm, o.Colours = path, Text, true })
	l.Logger().With("part", "api").Warn("two forms", "n", 1)
	l.Close()
	file, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(file), `"level":"WARN","msg":"two forms","part":"api","n":1}`+"\n") {
		t.Errorf("the file has %s, %v", file, err)
	}
	if got := out.lines(); len(got) != 1 || !strings.Contains(got[0], yellow+"WARN "+plainly) {
		t.Errorf("the terminal has %q", got)
	}
}

// TestFileFails tells of a log file that cannot be written where that can be read, once.
func TestFileFails(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	l, out := open(t, "info", func(o *Options) { o.File = filepath.Join(folder, "miner.log") })
	w := &watchedFile{Rotating: l.sinks[1].file}
	w.changed = func(err error) { l.tellOfFile(l.sinks[1], "miner.log", err) }
	l.sinks[1].queue.close()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil { // where the folder should be
		t.Fatal(err)
	}
	w.looked = time.Time{}
	for range 3 {
		if _, err := w.Write([]byte("lost\n")); err == nil {
			t.Error("written where there is no folder")
		}
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := w.Write([]byte("kept\n")); err != nil {
			t.Error(err)
		}
	}
	l.Close()
	got := out.lines()
	if len(got) != 2 || !strings.Contains(got[0], `"level":"ERROR","msg":"the log file cannot be written`) || !strings.Contains(got[1], "is written again") {
		t.Errorf("%q", got)
	}
}

// TestCapture has what libraries say in the stream, each with its name.
func TestCapture(t *testing.T) {
	before, flags, writer := slog.Default(), log.Flags(), log.Writer()
	defer func() {
		slog.SetDefault(before)
		log.SetFlags(flags)
		log.SetOutput(writer)
	}()
	dht := golog.Logger("dht") // libraries make theirs before main
	l, out := open(t, "info")
	l.Capture()
	gologshim.Logger("swarm2").Warn("dial failed", "peer", "x\ny")
	gologshim.Logger("swarm2").Info("not shown")
	dht.With("key", "k").Warnw("lookup failed", "err", errors.New("no peers"))
	dht.Info("not shown")
	log.Printf("mdns: %s", "cannot\nspeak")
	slog.Warn("by the default logger")
	slog.Info("not shown")
	l.Close()
	got := out.lines()
	want := []string{
		`"level":"WARN","msg":"dial failed","part":"libp2p","logger":"swarm2","peer":"x\ny"}`,
		`"level":"WARN","msg":"lookup failed","part":"libp2p","key":"k","logger":"dht","err":"no peers"}`,
		`"level":"WARN","msg":"mdns: cannot\nspeak","part":"libp2p","logger":"go"}`,
		`"level":"WARN","msg":"by the default logger","part":"libp2p","logger":"go"}`,
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasSuffix(got[i], want[i]) {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
}

// BenchmarkHandle is what a line costs who says it.
func BenchmarkHandle(b *testing.B) {
	l, err := Open(Options{Out: io.Discard, OutForm: JSON})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	log := l.Logger().With("part", "gossip")
	b.ReportAllocs()
	for b.Loop() {
		log.Log(context.Background(), slog.LevelWarn, "peer sends too much", "peer", "12D3KooW", "height", 12345)
	}
}
