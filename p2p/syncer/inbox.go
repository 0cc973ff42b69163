package syncer

import "sync"

// maxOffers bounds the events that anybody may cause at will.
const maxOffers = 256

// An inbox is the queue of events on their way to the plan. What answers our own questions is as
// bounded as these are; what peers cause is dropped where it stands too long, since polls bring it
// back.
type inbox struct {
	poke chan struct{} // of capacity 1

	mu     sync.Mutex // guards what is below
	events []event
	offers int // of them
}

func newInbox() inbox { return inbox{poke: make(chan struct{}, 1)} }

// post puts an event in.
func (in *inbox) post(e event) {
	in.mu.Lock()
	in.events = append(in.events, e)
	in.mu.Unlock()
	in.wake()
}

// offer puts an event in unless there are too many.
func (in *inbox) offer(e event) {
	in.mu.Lock()
	full := in.offers >= maxOffers
	if !full {
		in.offers++
		in.events = append(in.events, e)
	}
	in.mu.Unlock()
	if !full {
		in.wake()
	}
}

func (in *inbox) wake() {
	select {
	case in.poke <- struct{}{}:
	default:
	}
}

// take empties the inbox.
func (in *inbox) take() []event {
	in.mu.Lock()
	defer in.mu.Unlock()
	events := in.events
	in.events, in.offers = nil, 0
	return events
}
