package miner

import (
	"fmt"
	"slices"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// maxBusyIntervals bounds busy_ms, in block intervals (docs/formats.md, Rules).
const maxBusyIntervals = 4

// A Job is a block template that lacks only time and nonce. Its fields do not change, and all search
// threads share it.
type Job struct {
	network  *core.Network
	parent   chain.Tip
	messages []*core.Message
	header   core.Header
	target   core.Target
	since    time.Time        // with the monotonic clock: when parent and something to seal were known
	now      func() time.Time // our clock
}

func newJob(n *core.Network, parent chain.Tip, msgs []*core.Message, since time.Time, now func() time.Time) (*Job, error) {
	if parent.Header.TimeMS >= core.MaxTimeMS {
		return nil, fmt.Errorf("no time is left after the parent's, %d ms", parent.Header.TimeMS)
	}
	bits := consensus.NextBits(n, &parent.Header)
	target, err := bits.Target()
	if err != nil {
		return nil, fmt.Errorf("target after block %v: %w", parent.Hash, err)
	}
	work, err := consensus.ChildWork(&parent.Header, bits)
	if err != nil {
		return nil, fmt.Errorf("work after block %v: %w", parent.Hash, err)
	}
	j := &Job{network: n, parent: parent, messages: msgs, target: target, since: since, now: now}
	block := core.Block{Messages: msgs}
	j.header = core.Header{
		MessageCount: uint32(len(msgs)),
		Height:       parent.Header.Height + 1,
		PreviousHash: parent.Hash,
		MessageRoot:  core.MessageRoot(block.Leaves()),
		HistoryRoot:  parent.History.Root(),
		Work:         work,
		Bits:         bits,
	}
	return j, nil
}

// Header returns the header with time_ms and busy_ms as of now and nonce 0. A classic proof covers
// neither; any other must be found for the very header that was returned.
//
// Busy counts the time that the miner had something to seal, and the block's time is never less than
// that after its parent's, whatever our clock says: else wrong clocks make the chain too hard.
func (j *Job) Header() core.Header {
	h, parent := j.header, j.parent.Header.TimeMS
	elapsed := uint64(1)
	if interval := j.network.Params.BlockIntervalMS; interval > 0 {
		elapsed = uint64(max(1, time.Since(j.since).Milliseconds()))
		elapsed = min(elapsed, maxBusyIntervals*interval, core.MaxTimeMS-parent)
		h.BusyMS = uint32(elapsed)
	}
	clock := min(uint64(max(0, j.now().UnixMilli())), core.MaxTimeMS)
	h.TimeMS = max(clock, parent+elapsed)
	return h
}

// Target returns what a proof must meet.
func (j *Job) Target() core.Target { return j.target }

// Tries returns the expected number of tries until a proof is found.
func (j *Job) Tries() float64 {
	if j.network.Params.Pow == core.PowClassic {
		tries := 1.0
		for range j.network.Params.Difficulty {
			tries *= 16
		}
		return tries
	}
	return j.header.Work.Sub(j.parent.Header.Work).Float()
}

// Met reports whether a header of this job is a proof of work.
func (j *Job) Met(h *core.Header) bool {
	return consensus.CheckPow(j.network, &j.parent.Header, h) == nil
}

// Block returns the block of a header of this job.
func (j *Job) Block(h core.Header) *core.Block { return &core.Block{Header: h, Messages: j.messages} }

// sameAs reports whether the job has this parent and these very messages.
func (j *Job) sameAs(parent core.Hash, msgs []*core.Message) bool {
	return j.parent.Hash == parent && slices.Equal(j.messages, msgs)
}
