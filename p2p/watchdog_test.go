package p2p

import (
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/p2p/exchange"
)

// TestAbsences looks every ten seconds at peers that are in and out of the topics.
func TestAbsences(t *testing.T) {
	start := time.Unix(0, 0)
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	for _, tt := range []struct {
		name    string
		session func(time.Duration) uint64
		member  func(time.Duration) bool
		want    []time.Duration // when it is found lost, in ten minutes
	}{
		{"takes part", nil, func(time.Duration) bool { return true }, nil},
		{"never takes part", nil, func(time.Duration) bool { return false }, []time.Duration{at(60), at(360)}},
		{"flaps", nil, func(d time.Duration) bool { return d%at(50) == 0 }, nil},
		{"lost after a while", nil, func(d time.Duration) bool { return d < at(300) }, []time.Duration{at(360)}},
		{"connects anew", func(d time.Duration) uint64 { return uint64(d / at(50)) }, func(time.Duration) bool { return false }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := absences{grace: time.Minute}
			var got []time.Duration
			for d := time.Duration(0); d < 10*time.Minute; d += at(10) {
				remote := exchange.Remote{ID: "p", Session: 1}
				if tt.session != nil {
					remote.Session = tt.session(d)
				}
				lost := a.look([]exchange.Remote{remote}, map[peer.ID]bool{"p": tt.member(d)}, start.Add(d))
				if len(lost) > 0 {
					got = append(got, d)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found lost at %v, want %v", got, tt.want)
			}
		})
	}
}

// TestWorries looks every ten seconds at peers that come, go and claim more or less.
func TestWorries(t *testing.T) {
	start := time.Unix(0, 0)
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	from := func(s int) func(time.Duration) bool { return func(d time.Duration) bool { return d >= at(s) } }
	always, never := from(0), func(time.Duration) bool { return false }
	for _, tt := range []struct {
		name                   string
		there, claims, growing func(time.Duration) bool
		alone, company, ahead  []time.Duration // when it is found, in four minutes
	}{
		{"all is well", always, never, never, nil, nil, nil},
		{"alone from the start", never, never, never, []time.Duration{at(60)}, nil, nil},
		{"alone and found", from(90), never, never, []time.Duration{at(60)}, []time.Duration{at(90)}, nil},
		{"found in time", from(50), never, never, nil, nil, nil},
		{"claims and nothing comes", always, from(30), never, nil, nil, []time.Duration{at(80), at(140), at(200)}},
		{"claims while it syncs", always, always, always, nil, nil, nil},
		{"sync stops", always, always, func(d time.Duration) bool { return d < at(100) }, nil, nil, []time.Duration{at(150), at(210)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worries{grace: time.Minute}
			var alone, company, ahead []time.Duration
			tip := uint64(1)
			for d := time.Duration(0); d < 4*time.Minute; d += at(10) {
				if tt.growing(d) {
					tip++
				}
				var ready []exchange.Remote
				if tt.there(d) {
					ready = []exchange.Remote{{ID: "p", Hello: exchange.Hello{Work: core.NewWork(0, tip)}}}
					if tt.claims(d) {
						ready[0].Hello.Work = core.NewWork(0, tip+1)
					}
				}
				f := w.look(ready, core.NewWork(0, tip), start.Add(d))
				if f.alone {
					alone = append(alone, d)
				}
				if f.company {
					company = append(company, d)
				}
				if slices.Equal(f.ahead, []peer.ID{"p"}) {
					ahead = append(ahead, d)
				}
			}
			if !slices.Equal(alone, tt.alone) || !slices.Equal(company, tt.company) || !slices.Equal(ahead, tt.ahead) {
				t.Errorf("alone at %v, found at %v, behind at %v; want %v, %v, %v", alone, company, ahead, tt.alone, tt.company, tt.ahead)
			}
		})
	}
}
