package mempool

import (
	"errors"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// A batchStore counts what it is given at once.
type batchStore struct {
	Store
	batches [][]*core.Message
	notes   []*Note
	fail    func() error
}

func (s *batchStore) WaitingTotals() (int, int64) { return 0, 0 }

func (s *batchStore) AcceptOwn(msgs []*core.Message, _ uint64, own Own) ([]AcceptResult, error) {
	if s.fail != nil {
		if err := s.fail(); err != nil {
			return nil, err
		}
	}
	s.batches = append(s.batches, slices.Clone(msgs))
	s.notes = append(s.notes, own.Notes...)
	return make([]AcceptResult, len(msgs)), nil
}

// joined returns additions of one, two and one messages that are in one group, and the group.
func joined(t *testing.T, s Store) ([]*addition, *group) {
	n := coretest.Network(t)
	c, err := chain.Open(n, coretest.NewMemStore(n), chain.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(n, c, s, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	m := coretest.Messages(t, n, "m", 4)
	var list []*addition
	var g *group
	for _, msgs := range [][]*core.Message{m[:1], m[1:3], m[3:]} {
		a := &addition{pool: p, from: Origin{Made: true}, msgs: msgs, errs: make([]error, len(msgs))}
		list = append(list, a)
		var leads bool
		if g, leads = p.joins.enter(a); leads != (len(list) == 1) {
			t.Fatalf("addition %d leads: %v", len(list), leads)
		}
	}
	p.joins.seal(g)
	return list, g
}

// A group is one batch of the store, and each member gets the errors and the note of its own messages.
func TestGroupIsOneBatch(t *testing.T) {
	s := &batchStore{}
	list, g := joined(t, s)
	broken := errors.New("broken")
	list[1].errs[0] = broken
	list[1].noted = []noted{{&Note{Key: core.Hash{1}}, 0, 2}}
	g.run()
	if len(s.batches) != 1 || len(s.batches[0]) != 3 {
		t.Fatalf("batches of the store: %v, want one of 3 messages", s.batches)
	}
	if list[0].errs[0] != nil || list[1].errs[0] != broken || list[1].errs[1] != nil || list[2].errs[0] != nil {
		t.Errorf("errors %v %v %v", list[0].errs, list[1].errs, list[2].errs)
	}
	want := []NotedResult{{list[1].msgs[0].ID, Refused}, {list[1].msgs[1].ID, Accepted}}
	if len(s.notes) != 1 || !slices.Equal(s.notes[0].Messages, want) {
		t.Errorf("notes %v, want one of %v", s.notes, want)
	}
}

// A failure of the store is everybody's, and so is a panic: nobody may take silence for success.
func TestGroupFailsTogether(t *testing.T) {
	broken := errors.New("broken")
	list, g := joined(t, &batchStore{fail: func() error { return broken }})
	g.run()
	for _, a := range list {
		for _, err := range a.errs {
			if !errors.Is(err, broken) {
				t.Errorf("error %v, want that of the store", err)
			}
		}
	}
	list, g = joined(t, &batchStore{fail: func() error { panic("broken") }})
	func() {
		defer func() { recover() }()
		g.run()
	}()
	for _, a := range list {
		for _, err := range a.errs {
			if !errors.Is(err, errJoined) {
				t.Errorf("error %v after a panic, want errJoined", err)
			}
		}
	}
}

// A group that is full, or sealed, takes nothing more.
func TestGroupsEnd(t *testing.T) {
	var j joins
	enter := func(messages int) (*group, bool) {
		return j.enter(&addition{msgs: make([]*core.Message, messages)})
	}
	first, _ := enter(maxJoined - 1)
	if g, leads := enter(1); leads || g != first {
		t.Error("the last place of a group was not used")
	}
	second, leads := enter(1)
	if !leads || second == first {
		t.Error("a full group took more")
	}
	j.seal(first) // late: another one is open
	if g, leads := enter(1); leads || g != second {
		t.Error("sealing a group closed another one")
	}
	j.seal(second)
	if _, leads := enter(1); !leads {
		t.Error("a sealed group took more")
	}
}
