package p2ptest

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/marcopolo/simnet"
)

// Links say what a simulated network does to the packets between any two addresses. Shares are from
// 0 to 1 of the packets. The zero value delivers everything at once.
type Links struct {
	Latency time.Duration // one way, of the fastest link
	Spread  time.Duration // what the slowest link has above that; each direction of a link draws its own
	Jitter  time.Duration // at most, drawn for each packet: where it is long, packets overtake each other

	Loss      float64 // share of packets that get lost
	Duplicate float64 // share that arrives twice
	Reorder   float64 // share that is held back for up to ReorderBy, so that later ones arrive first

	ReorderBy time.Duration // 0 is 50 ms

	// BitsPerSecond is the rate of each address's way into the network; 0 is without a bound. Packets
	// that would wait there for longer than a fifth of a second are dropped, as a router does.
	BitsPerSecond int
}

const (
	defaultReorderBy = 50 * time.Millisecond
	maxUplinkWait    = 200 * time.Millisecond
)

// A simPath is one direction of a link.
type simPath struct{ from, to netip.Addr }

// A simPipe is the state of one direction of a link. What it does with its n-th packet depends on
// the seed, the two addresses, n and the links, and on nothing else.
type simPipe struct {
	path    simPath
	random  *rand.Rand
	place   float64 // of its latency between the least and the most
	sent    uint64  // packets that were put in
	arrived uint64  // the highest number of a packet that came out
	bytes   int64
}

func newSimPipe(seed uint64, path simPath) *simPipe {
	a, b := path.from.As4(), path.to.As4()
	var key uint64
	for _, x := range append(a[:], b[:]...) {
		key = key<<8 | uint64(x)
	}
	random := rand.New(rand.NewPCG(seed, key))
	return &simPipe{path: path, random: random, place: random.Float64()}
}

// latency is what every packet takes at least.
func (p *simPipe) latency(l Links) time.Duration {
	return l.Latency + time.Duration(p.place*float64(l.Spread))
}

// next decides the fate of the next packet: how long each of its copies takes, none where it gets
// lost. It draws the same number of times for each packet, so that one fate does not shift those
// after it.
func (p *simPipe) next(l Links) (copies []time.Duration) {
	p.sent++
	lost, twice, late := p.random.Float64(), p.random.Float64(), p.random.Float64()
	jitter, hold, gap := p.random.Float64(), p.random.Float64(), p.random.Float64()
	if lost < l.Loss {
		return nil
	}
	by := float64(l.ReorderBy)
	if by == 0 {
		by = float64(defaultReorderBy)
	}
	took := p.latency(l) + time.Duration(jitter*float64(l.Jitter))
	if late < l.Reorder {
		took += time.Duration(hold * by)
	}
	copies = []time.Duration{took}
	if twice < l.Duplicate {
		copies = append(copies, took+time.Duration(gap*by))
	}
	return copies
}

// An uplink is an address's way into the network.
type uplink struct{ free time.Time }

// wait returns for how long a packet waits and is sent; it is false where that is too long.
func (u *uplink) wait(now time.Time, size, bitsPerSecond int) (time.Duration, bool) {
	if bitsPerSecond == 0 {
		return 0, true
	}
	start := u.free
	if start.Before(now) {
		start = now
	}
	if start.Sub(now) > maxUplinkWait {
		return 0, false
	}
	u.free = start.Add(time.Duration(float64(size*8) / float64(bitsPerSecond) * float64(time.Second)))
	return u.free.Sub(now), true
}

// A simParcel is a packet on its way.
type simParcel struct {
	at     time.Time
	order  uint64 // of sending, for those that arrive together
	number uint64 // on its pipe
	pipe   *simPipe
	to     *simEnd
	copied bool // it is the second copy
	packet *simnet.Packet
}

// A simQueue is a heap of parcels by the time of their arrival.
type simQueue []simParcel

func (q simQueue) Len() int { return len(q) }
func (q simQueue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].order < q[j].order
}
func (q simQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *simQueue) Push(x any)   { *q = append(*q, x.(simParcel)) }
func (q *simQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = simParcel{}
	*q = old[:len(old)-1]
	return last
}

func (q *simQueue) push(p simParcel) { heap.Push(q, p) }
func (q *simQueue) pop() simParcel   { return heap.Pop(q).(simParcel) }
