package syncer

import (
	"errors"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// reply sends an answer back, unless it is lost or the question was given up.
func (s *sim) reply(n, from *simNode, question uint64, d time.Duration, e event) {
	epoch := n.epoch
	s.after(d, func() {
		if n.epoch == epoch && n.open[question] && !s.isCut(n, from) && from.up {
			s.step(n, e)
		}
	})
}

// frameTimeout is when an exchange gives up on an answer.
const frameTimeout = 10 * time.Second

var errLine = errors.New("line is broken")

func (s *sim) askHeaders(n, from *simNode, a askHeaders, locator []core.Hash) {
	s.pages++
	d := s.latency() + s.latency()
	e := headersReply{session: a.session, locator: locator}
	switch from.kind {
	case silent:
		return
	case failing:
		e.err = errLine
	case liar:
	case offTopic:
		e.headers = []core.Header{s.world.headers[s.world.mine(s.world.mine(s.world.genesis, 1), 1)]}
	case headerSpam:
		e.headers = s.spam(from, locator, a.limit)
	case endless:
		e.headers = s.spam(from, locator, a.limit)
		from.spam = e.headers[a.limit-1].Hash()
	case swapping:
		e.headers = s.swap(from, locator, a.limit)
	default:
		e.headers = from.model.headersAfter(locator, a.limit)
	}
	if s.loses() {
		s.reply(n, n, a.session, frameTimeout, headersReply{session: a.session, locator: locator, err: errLine})
		return
	}
	s.reply(n, from, a.session, d, e)
}

func (s *sim) askBlocks(n, from *simNode, a askBlocks) {
	s.requests++
	s.most = max(s.most, len(a.hashes))
	d := s.latency() + s.latency()
	if from.kind == silent || from.kind == withholding {
		return
	}
	if s.loses() {
		s.reply(n, n, a.request, frameTimeout, blocksDone{a.request, errLine})
		return
	}
	if from.kind == failing {
		s.reply(n, from, a.request, d, blocksDone{a.request, errLine})
		return
	}
	for _, hash := range a.hashes {
		if !from.model.stored[hash] || from.kind == lacking {
			continue
		}
		block := s.world.block(hash)
		d += time.Millisecond
		switch from.kind {
		case dripping:
			d += 1900 * time.Millisecond
		case bodiless, pruned, erasing:
			if from.kind == pruned && block.Header.Height >= from.claims().LowestFull || from.kind == erasing && block.Header.Height%10 != 0 {
				break
			}
			block.Messages = []*core.Message{{}}
			n.bareCame++
		case mutating:
			s.reply(n, from, a.request, d, blocksDone{a.request, consensus.ErrMessageRoot})
			return
		}
		came := blockCame{a.request, arrival{hash: hash, block: block, size: 500}}
		s.reply(n, from, a.request, d, came)
		if s.rand.Float64() < s.twice {
			s.faults.doubled++
			s.reply(n, from, a.request, d, came)
		}
	}
	s.reply(n, from, a.request, d, blocksDone{a.request, nil})
}
