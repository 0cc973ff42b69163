package demo

import (
	"encoding/json"
	"sync"

	"p2pchain/core"
)

// A Phase is what a member of the demo does.
type Phase string

// The phases of a member.
const (
	Starting Phase = "starting"
	Running  Phase = "running"
	Stopping Phase = "stopping"
	Stopped  Phase = "stopped"
	Damaging Phase = "damaging" // damaged, looked at and repaired, step by step
	Failed   Phase = "failed"
)

// A State is what the page shows.
type State struct {
	Network   string   `json:"network"`
	Cut       bool     `json:"cut"`
	Boss      int      `json:"boss"`       // the number of the member that has 80 % of the hash rate, 0: nobody
	PerSecond int      `json:"per_second"` // messages that are added
	Members   []Member `json:"members"`
	// Tips is how many different tips the running members stand on.
	Tips   int     `json:"tips"`
	Blocks []Block `json:"blocks"` // the latest ones of all branches, by height
}

// A Member is a node of the demo.
type Member struct {
	Number   int       `json:"number"` // from 1
	Side     int       `json:"side"`   // of the cut: 0 or 1
	Phase    Phase     `json:"phase"`
	Error    string    `json:"error,omitempty"` // why it failed
	URL      string    `json:"url,omitempty"`   // of its pages; empty unless it runs
	Tip      core.Hash `json:"tip"`
	Height   uint64    `json:"height"`
	Waiting  int       `json:"waiting"`
	Peers    []int     `json:"peers"`     // numbers of members
	HashRate float64   `json:"hash_rate"` // tries a second
	Share    int       `json:"share"`     // of the running members' tries, in percent
	Sealed   uint64    `json:"sealed"`    // blocks found since it was started
	Reorg    *Reorg    `json:"reorg,omitempty"`
	Steps    []Step    `json:"steps"` // of the damage that was done last
}

// A Reorg is the last one that a member saw since the demo began.
type Reorg struct {
	Reverted int `json:"reverted"` // blocks that left the best chain
	Applied  int `json:"applied"`  // blocks that joined it
	Returned int `json:"returned"` // messages that went back to waiting
}

// A Step is one thing that happened to a damaged member.
type Step struct {
	Kind string   `json:"kind"` // of stepKinds
	Args []string `json:"args"`
}

// The kinds of steps, whose texts are in api/web: demo.step.KIND.
const (
	stepStopped   = "stopped"
	stepFlipped   = "flipped"   // file, offset, bytes before, bytes after
	stepRefused   = "refused"   // what it said
	stepUnnoticed = "unnoticed" // nothing but the last writes was hit
	stepRepaired  = "repaired"
	stepBack      = "back" // height
)

// A Block is a block of any branch.
type Block struct {
	Hash     core.Hash `json:"hash"`
	Previous core.Hash `json:"previous"`
	Height   uint64    `json:"height"`
	Messages uint32    `json:"messages"`
	Best     bool      `json:"best"` // on the chain with the most work
}

// A board holds the latest State. It is safe for concurrent use.
type board struct {
	mu      sync.Mutex // guards what is below
	state   State
	encoded []byte
	next    chan struct{} // closed when there is another state
}

func newBoard() *board { return &board{next: make(chan struct{})} }

// put shows a state, unless it is the same as before.
func (b *board) put(s State) error {
	encoded, err := json.Marshal(s)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if string(encoded) == string(b.encoded) {
		return nil
	}
	b.state, b.encoded = s, encoded
	close(b.next)
	b.next = make(chan struct{})
	return nil
}

// look returns the state, as JSON too, and what is closed when there is another one.
func (b *board) look() (State, []byte, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, b.encoded, b.next
}
