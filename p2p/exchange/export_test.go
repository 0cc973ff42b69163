package exchange

import (
	"context"
	"time"

	"p2pchain/p2p/exchange/wire"
)

// DecodeSummary reads the answer to a request for so many cells.
func DecodeSummary(b []byte, cells int) (Summary, error) {
	var reply wire.SketchReply
	if err := unmarshal(b, &reply); err != nil {
		return Summary{}, err
	}
	return decodeSummary(&reply, cells)
}

// Walks makes sketches of a pool for askers who come one after the other.
func Walks(ctx context.Context, pool Pool, askers int, pause time.Duration) error {
	s := newSketcher(pool, time.Now)
	for range askers {
		time.Sleep(pause)
		if _, err := s.summary(ctx); err != nil {
			return err
		}
	}
	return nil
}
