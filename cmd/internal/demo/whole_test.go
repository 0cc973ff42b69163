package demo

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestDemo works every switch of a network of real nodes, and leaves nothing running.
func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	defer http.DefaultClient.CloseIdleConnections()
	tr := run(t, 3)
	whole := tr.until("a whole network", isWhole)
	url := whole.Members[2].URL

	tr.obey("/demo/cut", `{"cut":true}`)
	tr.until("the cut", func(s State) bool { return s.Cut && isWhole(s) })
	for _, pair := range [][2]int{{0, 2}, {2, 0}} { // whoever calls
		_, addr := tr.members[pair[1]].contact()
		if _, err := tr.members[pair[0]].api().Connect(t.Context(), addr); err == nil {
			t.Errorf("node %d reaches node %d across the cut", pair[0]+1, pair[1]+1)
		}
	}
	tr.obey("/demo/cut", `{"cut":false}`)
	tr.until("the heal", func(s State) bool { return !s.Cut && isWhole(s) })

	tr.obey("/demo/nodes/3/stop", "")
	if status := tr.post("/demo/nodes/3/damage", ""); status != http.StatusConflict {
		t.Errorf("damage while it stops: status %d", status)
	}
	tr.until("node 3 to be gone", func(s State) bool {
		return s.Members[2].Phase == Stopped && s.Members[2].URL == "" && slices.Equal(s.Members[0].Peers, []int{2})
	})
	tr.obey("/demo/nodes/3/start", "")
	back := tr.until("node 3 to be back", isWhole)
	if back.Members[2].URL != url {
		t.Errorf("node 3 is at %s now, was at %s", back.Members[2].URL, url)
	}

	tr.obey("/demo/nodes/1/damage", "")
	hurt := tr.until("node 1 to be well again", func(s State) bool {
		return isWhole(s) && len(s.Members[0].Steps) > 0
	})
	var kinds []string
	for _, step := range hurt.Members[0].Steps {
		kinds = append(kinds, step.Kind)
	}
	if got := strings.Join(kinds, " "); got != "stopped flipped refused repaired back" {
		t.Errorf("what happened: %s", got)
	}
	if file := hurt.Members[0].Steps[1].Args[0]; !strings.HasSuffix(file, ".sst") {
		t.Errorf("%s was damaged, want a table", file)
	}

	tr.obey("/demo/power", `{"node":2}`)
	tr.obey("/demo/stream", `{"per_second":20}`)
	tr.until("node 2 to make most hashes", func(s State) bool { return s.Boss == 2 && s.Members[1].Share > 40 })
	tr.until("a block with messages", func(s State) bool {
		return slices.ContainsFunc(s.Blocks, func(b Block) bool { return b.Messages > 0 })
	})
	if err := tr.stop(); err != nil {
		t.Error(err)
	}
}

// TestEvents follows the states as a page does.
func TestEvents(t *testing.T) {
	tr := run(t, 2)
	r, err := http.Get(tr.URL() + "/demo/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	next := func() (s State) {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(text), &s); err != nil {
					t.Fatalf("%v: %s", err, text)
				}
				return s
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return s
	}
	if first := next(); len(first.Members) != 2 {
		t.Errorf("the first state has %d nodes", len(first.Members))
	}
	tr.obey("/demo/cut", `{"cut":true}`)
	for !next().Cut { // the test's own end bounds this
	}
}
