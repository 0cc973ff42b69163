package mempool

import (
	"errors"
	"runtime"
	"sync"

	"p2pchain/core"
)

const (
	// maxJoining is how many messages an addition may have to be put together with others: larger ones
	// gain nothing by it.
	maxJoining = 32
	// maxJoined is how many messages a group may have before another one is begun: with larger ones
	// all wait for the disk at once, and the processors do too.
	maxJoined = 32
)

// errJoined means that whoever did the work of a group did not come to its end.
var errJoined = errors.New("another message, taken in together with this one, broke the pool")

// Joins put small additions of messages together that this node made. What costs nearly as much for
// one message as for many is then done once for a group: the batch of the store, the wait for the disk.
//
// The first addition of a group leads it. It lets everything go first that can run already, so groups
// form where there are more requests than processors, and a request that comes alone waits for nothing.
type joins struct {
	mu   sync.Mutex // guards open and what it points to
	open *group     // what more can join; nil if nothing
}

// A group is some additions. They share no message, since each was made once.
type group struct {
	members []*addition
	size    int           // messages
	done    chan struct{} // closed when all members have their errors
}

// run returns when the addition is done.
func (j *joins) run(a *addition) {
	g, leads := j.enter(a)
	if !leads {
		<-g.done
		return
	}
	runtime.Gosched()
	j.seal(g)
	defer close(g.done)
	g.run()
}

// enter puts an addition into a group and reports whether it is the first one there.
func (j *joins) enter(a *addition) (*group, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	leads := j.open == nil || j.open.size+len(a.msgs) > maxJoined
	if leads {
		j.open = &group{done: make(chan struct{})}
	}
	j.open.members = append(j.open.members, a)
	j.open.size += len(a.msgs)
	return j.open, leads
}

// seal ends that more joins a group.
func (j *joins) seal(g *group) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open == g {
		j.open = nil
	}
}

// run does the work of all members.
func (g *group) run() {
	if len(g.members) == 1 {
		g.members[0].run()
		return
	}
	all := &addition{
		pool: g.members[0].pool, from: g.members[0].from,
		msgs: make([]*core.Message, 0, g.size), errs: make([]error, 0, g.size),
	}
	for _, a := range g.members {
		for _, n := range a.noted {
			all.noted = append(all.noted, noted{n.note, n.from + len(all.msgs), n.to + len(all.msgs)})
		}
		all.msgs, all.errs = append(all.msgs, a.msgs...), append(all.errs, a.errs...)
		a.fail(errJoined) // unless what follows comes to its end
	}
	all.run()
	at := 0
	for _, a := range g.members {
		at += copy(a.errs, all.errs[at:])
	}
}

// fail says that messages without an error were not taken in.
func (a *addition) fail(err error) {
	for i := range a.errs {
		if a.errs[i] == nil {
			a.errs[i] = err
		}
	}
}
