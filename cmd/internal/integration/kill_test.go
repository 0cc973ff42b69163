//go:build linux

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
	"p2pchain/core/store"
)

// add posts one message and returns its id; nil means that the node promised to keep it.
func (m *machine) add(text string) (string, error) {
	resp, err := m.http.Post(m.url+"/api/v1/messages", "text/plain", strings.NewReader(text))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("status %d", resp.StatusCode)
	}
	var r struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return "", err
	}
	return r.ID, nil
}

// status returns "waiting" or "confirmed".
func (m *machine) status(id string) (string, error) {
	var r struct{ Status string }
	err := m.get("/api/v1/messages/"+id, &r)
	return r.Status, err
}

// A ledger holds what was acknowledged.
type ledger struct {
	mu   sync.Mutex
	text map[string]string // by id
}

func (l *ledger) note(id, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == nil {
		l.text = make(map[string]string)
	}
	l.text[id] = text
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.text)
}

// write adds messages with some clients at once until stop is closed, and notes those that were
// acknowledged.
func (l *ledger) write(m *machine, label string, clients int, stop <-chan struct{}) *sync.WaitGroup {
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				text := fmt.Sprintf("%s/%d/%d", label, c, i)
				id, err := m.add(text)
				if err != nil {
					return // killed
				}
				l.note(id, text)
			}
		})
	}
	return &wg
}

// missing returns acknowledged messages that the chain does not hold, and ids that it holds twice.
// Nothing may wait.
func (l *ledger) missing(t *testing.T, m *machine) (lost, twice []string) {
	t.Helper()
	there := make(map[string]int)
	reply := m.chain()
	for _, b := range reply.Chain[1:] {
		for _, d := range b.Data {
			there[d.ID]++
		}
	}
	for id, n := range there {
		if n > 1 {
			twice = append(twice, id)
		}
	}
	for id := range l.text {
		if there[id] == 0 {
			status, err := m.status(id)
			lost = append(lost, fmt.Sprintf("%s (%s, %v)", id, status, err))
		}
	}
	return lost, twice
}

// checkStore walks every invariant of the store of a machine whose node has ended.
func (m *machine) checkStore() {
	m.t.Helper()
	text, err := os.ReadFile(m.args[1]) // --genesis FILE
	if err != nil {
		m.t.Fatal(err)
	}
	params, err := core.ParseParams(text)
	if err != nil {
		m.t.Fatal(err)
	}
	n, err := core.NewNetwork(params)
	if err != nil {
		m.t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(m.dir, "store"), n, store.Options{})
	if err != nil {
		m.t.Fatal(err)
	}
	defer s.Close()
	report, err := s.Check(context.Background(), true)
	if err != nil || len(report.Problems) > 0 {
		m.t.Errorf("%s: check: %v, %q", m.name, err, report.Problems)
	}
}

// TestKillUnderLoad kills a node 50 times while clients write to it, ten of these while it recovers
// from the kill before. Every acknowledged message must be there in the end, once.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	rng := random.Source(t)
	m := newMachine(t, "victim", "--genesis", networkFile(t, "kills"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	var acked ledger
	kills, early := 0, 0
	for round := 0; kills < 50**scale; round++ {
		if round%4 == 3 {
			m.launch()
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond) // somewhere in its recovery
			m.kill()
			kills++
			early++
			continue
		}
		m.start()
		stop := make(chan struct{})
		wg := acked.write(m, fmt.Sprint("round ", round), 4, stop)
		time.Sleep(time.Duration(20+rng.IntN(250)) * time.Millisecond)
		m.kill()
		kills++
		close(stop)
		wg.Wait()
	}
	m.start()
	agree(t, m) // nothing waits any more
	lost, twice := acked.missing(t, m)
	t.Logf("%d kills, %d of them during recovery; %d messages acknowledged", kills, early, acked.len())
	if early < 10 || acked.len() < 5*kills { // 50 to 90 a kill on two busy cores
		t.Errorf("the load did not happen")
	}
	if len(lost) > 0 || len(twice) > 0 {
		t.Errorf("lost %d: %v; twice on the chain %d: %v", len(lost), lost, len(twice), twice)
	}
	m.stop()
	m.checkStore()
}

// TestRestartKeepsTipAndWaiting stops and kills a node that does not mine: tip and waiting messages
// must be the same after it.
func TestRestartKeepsTipAndWaiting(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "node", "--genesis", networkFile(t, "restart"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	m.start()
	for i := range 20 {
		if _, err := m.add(fmt.Sprint("sealed ", i)); err != nil {
			t.Fatal(err)
		}
	}
	agree(t, m)
	m.stop()
	m.start("--mine", "off")
	tip, err := m.tip()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range 100 {
		id, err := m.add(fmt.Sprint("waiting ", i))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, end := range []func(){m.stop, m.kill} {
		end()
		m.start("--mine", "off")
		if got, err := m.tip(); err != nil || got != tip {
			t.Errorf("tip %v, %v; want %v", got, err, tip)
		}
		var d struct {
			Unprocessed []struct{ ID string } `json:"unprocessed"`
		}
		if err := m.get("/data", &d); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range d.Unprocessed {
			got = append(got, u.ID)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%d messages wait, want the %d from before, in order", len(got), len(ids))
		}
	}
	m.stop()
	m.start()
	agree(t, m)
	for _, id := range ids {
		if status, err := m.status(id); err != nil || status != "confirmed" {
			t.Errorf("%s: %s, %v", id, status, err)
		}
	}
}
