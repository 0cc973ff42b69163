package node

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestPulse finds the part that does not answer any more, and that it does again.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		var hangs atomic.Bool
		p := &pulse{questions: []question{{"chain", func() {}}, {"store", func() {
			if hangs.Load() {
				<-stuck
			}
		}}, {"p2p", func() {}}}}
		if err := p.check(); err != nil {
			t.Errorf("before the start: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		time.Sleep(10 * pulsePatience)
		synctest.Wait()
		if err := p.check(); err != nil {
			t.Errorf("while all answer: %v", err)
		}
		hangs.Store(true)
		time.Sleep(pulsePatience - pulseEvery)
		if err := p.check(); err != nil {
			t.Errorf("while a part takes long: %v", err)
		}
		time.Sleep(2 * pulseEvery)
		if err := p.check(); err == nil || !strings.HasPrefix(err.Error(), "store has not answered for 1m") {
			t.Errorf("a part hangs: %v", err)
		}
		hangs.Store(false)
		close(stuck)
		time.Sleep(pulseEvery)
		synctest.Wait()
		if err := p.check(); err != nil {
			t.Errorf("it answers again: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
