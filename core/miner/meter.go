package miner

import (
	"math"
	"sync"
	"time"
)

// meterWindow is the search time over which a hash rate is smoothed.
const meterWindow = 5 * time.Second

// A meter is the hash rate of one thread: an exponential average over the time that it searched, so
// that idle hours leave it as it was. It is safe for concurrent use.
type meter struct {
	mu     sync.Mutex
	sum    float64 // of tries per second, each with its weight
	weight float64 // below 1 until enough was measured
}

func (m *meter) add(tries uint64, took time.Duration) {
	if took <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	keep := math.Exp(-float64(took) / float64(meterWindow))
	m.sum = m.sum*keep + float64(tries)/took.Seconds()*(1-keep)
	m.weight = m.weight*keep + 1 - keep
}

func (m *meter) rate() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.weight == 0 {
		return 0
	}
	return m.sum / m.weight
}
