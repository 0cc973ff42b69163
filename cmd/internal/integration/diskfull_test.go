//go:build linux

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	fullDiskMiB    = 420 // of which the node keeps 256 in reserve
	fullDiskRounds = 20  // under P2PCHAIN_LONG, else 3
)

// TestDiskFull fills and frees a small disk under load: reads are always answered, refused writes say 507,
// accepts begin again within ten seconds after space is back, and nothing that was acknowledged is lost.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("p2pchain-test", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", fullDiskMiB)); err != nil {
		t.Skipf("no small disk: mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	rounds := 3
	if os.Getenv("P2PCHAIN_LONG") != "" {
		rounds = fullDiskRounds
	}
	n := newMachine(t, "full", "--network", "test", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	n.dir = filepath.Join(dir, "data")
	n.start()
	load := &diskLoad{url: n.url, acked: make(map[string]bool)}
	load.run(t.Context())
	defer load.end()
	filler := filepath.Join(dir, "filler")
	var slowest time.Duration
	for round := range rounds {
		load.waitFor(t, "accepts", &load.accepted)
		if err := fillDisk(filler); err != nil {
			t.Fatal(err)
		}
		load.waitFor(t, "writes refused with 507", &load.refused)
		load.waitFor(t, "reads on a full disk", &load.reads)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		load.waitFor(t, fmt.Sprintf("accepts after round %d", round+1), &load.accepted)
		slowest = max(slowest, time.Since(begun))
	}
	load.end()
	load.report(t, n, rounds, slowest)
}

// fillDisk writes until no byte is left.
func fillDisk(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for size := 1 << 20; size > 0; {
		if _, err = f.Write(make([]byte, size)); err == nil {
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return errors.Join(err, f.Close())
		}
		size /= 2
	}
	return f.Close()
}

// A diskLoad reads from a node, and writes to it, all the time.
type diskLoad struct {
	url                      string
	accepted, refused, reads atomic.Int64
	otherWrites, failedReads atomic.Int64
	mu                       sync.Mutex
	acked                    map[string]bool
	firstOther, firstFailed  string
	stop                     context.CancelFunc
	workers                  sync.WaitGroup
	ended                    atomic.Bool
}

func (l *diskLoad) run(ctx context.Context) {
	ctx, l.stop = context.WithCancel(ctx)
	for w := range 4 {
		l.workers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.write(ctx, fmt.Sprintf("message %d of writer %d %0900d", i, w, 0))
			}
		})
	}
	l.workers.Go(func() {
		paths := []string{"/api/v1/node", "/chain?limit=1", "/api/v1/blocks?limit=5", "/api/v1/mempool?limit=5", "/livez"}
		for i := 0; ctx.Err() == nil; i++ {
			l.read(ctx, paths[i%len(paths)])
		}
	})
}

func (l *diskLoad) write(ctx context.Context, text string) {
	status, body, err := l.call(ctx, http.MethodPost, "/api/v1/messages", text)
	switch {
	case ctx.Err() != nil:
	case err == nil && (status == http.StatusOK || status == http.StatusCreated || status == http.StatusAccepted):
		l.mu.Lock()
		l.acked[messageID(body)] = true
		l.mu.Unlock()
		l.accepted.Add(1)
	case err == nil && status == http.StatusInsufficientStorage:
		l.refused.Add(1)
		time.Sleep(5 * time.Millisecond) // a client that is told to come later
	default:
		l.otherWrites.Add(1)
		l.note(&l.firstOther, "%d %s %v", status, body, err)
	}
}

func (l *diskLoad) read(ctx context.Context, path string) {
	status, body, err := l.call(ctx, http.MethodGet, path, "")
	switch {
	case ctx.Err() != nil:
	case err == nil && status == http.StatusOK:
		l.reads.Add(1)
	default:
		l.failedReads.Add(1)
		l.note(&l.firstFailed, "%s: %d %.200s %v", path, status, body, err)
	}
}

func (l *diskLoad) note(to *string, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *to == "" {
		*to = fmt.Sprintf(format, args...)
	}
}

func (l *diskLoad) call(ctx context.Context, method, path, body string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, l.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "text/plain")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// waitFor waits until a counter has risen by a few.
func (l *diskLoad) waitFor(t *testing.T, what string, counter *atomic.Int64) {
	t.Helper()
	from, limit := counter.Load(), time.Now().Add(30*time.Second)
	for counter.Load() < from+20 {
		if time.Now().After(limit) {
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Fatalf("no %s for 30 s; %d accepted, %d refused, %d reads; other writes: %s; failed reads: %s",
				what, l.accepted.Load(), l.refused.Load(), l.reads.Load(), l.firstOther, l.firstFailed)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *diskLoad) end() {
	if !l.ended.Swap(true) {
		l.stop()
		l.workers.Wait()
	}
}

// report looks for every acknowledged message, in the node that ran on, and again after a kill.
func (l *diskLoad) report(t *testing.T, n *machine, rounds int, slowest time.Duration) {
	t.Logf("%d rounds: %d accepted, %d refused with 507, %d reads; accepts again after %v at most",
		rounds, l.accepted.Load(), l.refused.Load(), l.reads.Load(), slowest.Round(time.Millisecond))
	if l.failedReads.Load() > 0 {
		t.Errorf("%d reads failed, the first: %s", l.failedReads.Load(), l.firstFailed)
	}
	if l.otherWrites.Load() > 0 {
		t.Errorf("%d writes were answered neither with success nor with 507, the first: %s", l.otherWrites.Load(), l.firstOther)
	}
	lost := func(url string) (lost int) {
		l.url = url
		for id := range l.acked {
			if status, _, err := l.call(context.Background(), http.MethodGet, "/api/v1/messages/"+id, ""); err != nil || status != http.StatusOK {
				lost++
			}
		}
		return lost
	}
	if got := lost(n.url); got > 0 {
		t.Errorf("%d of %d acknowledged messages are lost", got, len(l.acked))
	}
	n.kill()
	n.start()
	if got := lost(n.url); got > 0 {
		t.Errorf("%d of %d acknowledged messages are lost after a kill", got, len(l.acked))
	}
}

// messageID reads the id out of the answer to a message.
func messageID(answer []byte) string {
	var message struct{ ID string }
	if err := json.Unmarshal(answer, &message); err != nil {
		return string(answer)
	}
	return message.ID
}
