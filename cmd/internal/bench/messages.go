package bench

import (
	"context"
	"crypto/rand"
	"time"

	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
)

const (
	payloadBytes = 200  // of a message, as a line of a log has
	blockSize    = 1000 // messages in a block, and signatures in a batch
	singly       = 200  // signatures that are checked one by one before the next batch
)

// compose makes and signs a message.
func (s *site) compose() (*core.Message, error) {
	payload := make([]byte, payloadBytes)
	rand.Read(payload) // never fails: it ends the process instead
	tip := s.chain.Tip()
	return core.Compose(s.network, s.key, core.Draft{TimeMS: tip.Header.TimeMS, Seen: tip.Hash, Payload: payload})
}

// sign makes messages, of which it keeps a block full.
func (s *site) sign(ctx context.Context, length time.Duration) (float64, error) {
	return s.rate(ctx, length, func() (int, error) {
		s.messages = s.messages[:0]
		for range blockSize {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			m, err := s.compose()
			if err != nil {
				return 0, err
			}
			s.messages = append(s.messages, m)
		}
		return blockSize, nil
	})
}

// check checks the signatures of these messages singly and in a batch, by turns, so that whatever else the
// machine does slows down both, and their ratio holds.
func (s *site) check(ctx context.Context, length time.Duration) (one, batch float64, err error) {
	var inOne, inBatch time.Duration
	rounds, next := 0, 0
	_, err = s.rate(ctx, length, func() (int, error) {
		began := s.now()
		for range singly {
			if err := consensus.CheckSignature(s.messages[next%blockSize]); err != nil {
				return 0, err
			}
			next++
		}
		half := s.now()
		if err := consensus.CheckSignatures(s.messages); err != nil {
			return 0, err
		}
		inOne, inBatch, rounds = inOne+half.Sub(began), inBatch+s.now().Sub(half), rounds+1
		return 1, nil
	})
	if err != nil {
		return 0, 0, err
	}
	perSecond := func(each int, took time.Duration) float64 {
		return float64(each*rounds) / max(took, time.Microsecond).Seconds() // some clocks are coarse
	}
	return perSecond(singly, inOne), perSecond(blockSize, inBatch), nil
}

// hash commits to payloads of the largest size that the network main allows.
func (s *site) hash(ctx context.Context, length time.Duration) (float64, error) {
	payload := make([]byte, s.network.Params.MaxPayloadBytes)
	var salt [core.SaltSize]byte
	return s.rate(ctx, length, func() (int, error) {
		core.Commit(salt, payload)
		return len(payload), nil
	})
}

// validate decodes and checks a block as a node does that fetched it.
func (s *site) validate(ctx context.Context, length time.Duration) (float64, error) {
	block := &core.Block{Messages: s.messages}
	block.Header.MessageCount, block.Header.MessageRoot = blockSize, core.MessageRoot(block.Leaves())
	raw := block.Raw()
	return s.rate(ctx, length, func() (int, error) {
		b, err := raw.Decode(s.network.Genesis)
		if err != nil {
			return 0, err
		}
		if err := consensus.CheckBlock(s.network, b); err != nil {
			return 0, err
		}
		return blockSize, consensus.CheckBodies(b)
	})
}

// write lets so many writers add messages, each of which waits until its message is on disk before it
// makes another one. Those who write at once share fsyncs, as the users of a node do.
func (s *site) write(ctx context.Context, length time.Duration, writers int) (float64, error) {
	rates := make([]float64, writers)
	g, ctx := errgroup.WithContext(ctx)
	for i := range rates {
		g.Go(func() (err error) {
			rates[i], err = s.rate(ctx, length, func() (int, error) {
				m, err := s.compose()
				if err != nil {
					return 0, err
				}
				return 1, s.pool.Add([]*core.Message{m}, mempool.Origin{Made: true})[0]
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, rate := range rates {
		sum += rate
	}
	return sum, nil
}
