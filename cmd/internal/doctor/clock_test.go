package doctor

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"p2pchain/api"
)

func TestClock(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	skew := func(d time.Duration) *api.Node {
		ms := d.Milliseconds()
		return &api.Node{ClockSkewMS: &ms}
	}
	seedClock := func(ahead time.Duration) func(*testing.T, *exam) {
		return func(t *testing.T, e *exam) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", now.Add(-ahead).Format(http.TimeFormat))
			}))
			t.Cleanup(s.Close)
			e.cfg.Seeds = []string{"/ip4/127.0.0.1/tcp/1", "http://127.0.0.1:1", s.URL + "/"}
		}
	}
	for _, tt := range []struct {
		name  string
		edit  func(*testing.T, *exam)
		level Level
		words string
	}{
		{"right", func(*testing.T, *exam) {}, OK, "2027-01-01 00:00:00 UTC"},
		{"1970", func(_ *testing.T, e *exam) { e.cfg.Now = func() time.Time { return time.Unix(100, 0) } }, Problem, "which cannot be"},
		{"2107", func(_ *testing.T, e *exam) { e.cfg.Now = func() time.Time { return now.AddDate(80, 0, 0) } }, Problem, "which cannot be"},
		{"before the network", func(_ *testing.T, e *exam) {
			e.cfg.Network.Params.GenesisTimeMS = uint64(now.Add(time.Hour).UnixMilli())
		}, Problem, "before the network began"},
		{"before the last block", func(_ *testing.T, e *exam) {
			e.node = &api.Node{Tip: api.TipInfo{Time: api.Time(now.Add(time.Hour).UnixMilli())}}
		}, Problem, "before the last block was made"},
		{"as the peers", func(_ *testing.T, e *exam) { e.node = skew(time.Second) }, OK, "1s ahead of the clocks of the peers"},
		{"a little behind the peers", func(_ *testing.T, e *exam) { e.node = skew(-10 * time.Second) }, Warning, "10s behind the clocks of the peers"},
		{"far behind the peers", func(_ *testing.T, e *exam) { e.node = skew(-2 * time.Hour) }, Problem, "2h0m0s behind"},
		{"as the seed", seedClock(0), OK, "0s ahead of the clock of http"},
		{"far ahead of the seed", seedClock(3 * time.Minute), Problem, "3m0s ahead of the clock of http"},
		{"kept by nobody", func(_ *testing.T, e *exam) { e.system.synced = func() (bool, bool) { return false, true } }, Note, "nothing on this machine keeps it right"},
		{"nobody knows", func(_ *testing.T, e *exam) { e.system.synced = func() (bool, bool) { return false, false } }, OK, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			tt.edit(t, e)
			expect(t, e.lookAtClock(t.Context()), tt.level, tt.words)
		})
	}
}
