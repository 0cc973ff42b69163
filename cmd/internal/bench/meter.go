package bench

import "time"

// leastMeasured is how long a part must be for its share to say something: what it does besides, and clocks
// of 15 ms, count for little then.
const leastMeasured = 250 * time.Millisecond

// A meter compares the processor time of this process with the time on the clock.
type meter struct {
	cfg   Config
	began time.Time
	used  time.Duration
}

func startMeter(cfg Config) (m meter, err error) {
	m = meter{cfg: cfg, began: cfg.Now()}
	if cfg.Used != nil {
		m.used, err = cfg.Used()
	}
	return m, err
}

// share returns what so many threads got since the start of the time that each could have had, at most 1; 0
// where that is not known.
func (m meter) share(threads int) (float64, error) {
	took := m.cfg.Now().Sub(m.began)
	if m.cfg.Used == nil || threads == 0 || took < leastMeasured {
		return 0, nil
	}
	used, err := m.cfg.Used()
	return min(1, (used-m.used).Seconds()/(took.Seconds()*float64(threads))), err
}
