package p2p

import (
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

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
