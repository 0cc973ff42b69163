package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// badClock is how far a clock may be off before a node stops to mine, and a little of one that is
	// worth a word.
	badClock, looseClock = time.Minute, 5 * time.Second
	// written is when this program was; no clock is right before that.
	written = 2026
	// farFuture is a year that nobody expects to see.
	farFuture = 2100
	// dateLimit is how long a node has to tell the time.
	dateLimit = 3 * time.Second
)

// lookAtClock compares the clock with reason, with the chain and with others.
func (e *exam) lookAtClock(ctx context.Context) []Finding {
	now := e.cfg.Now().UTC()
	shown := "the clock says " + now.Format(time.DateTime) + " UTC"
	const why, do = "blocks and messages would carry wrong times, and others refuse such blocks", "set the clock, best with NTP; without an internet, by hand or from another machine"
	switch {
	case now.Year() < written || now.Year() >= farFuture:
		return one(Problem, shown+", which cannot be", why, do)
	case e.cfg.Network != nil && now.UnixMilli() < int64(e.cfg.Network.Params.GenesisTimeMS):
		return one(Problem, shown+", which is before the network began", why, do)
	}
	if e.node != nil {
		if tip := e.node.Tip.Time.Time(); tip.Sub(now) > 2*badClock {
			return one(Problem, fmt.Sprintf("%s, %v before the last block was made", shown, tip.Sub(now).Round(time.Second)), why, do)
		}
		if e.node.ClockSkewMS != nil {
			return judgeSkew(time.Duration(*e.node.ClockSkewMS)*time.Millisecond, "the clocks of the peers", why, do)
		}
	}
	if skew, whose, ok := e.seedClock(ctx); ok {
		return judgeSkew(skew, "the clock of "+whose, why, do)
	}
	if synced, known := e.system.synced(); known && !synced {
		return one(Note, shown+"; nothing on this machine keeps it right", "there is nobody to compare it with, either", "look whether that is the time, or let NTP keep it")
	}
	return one(OK, shown, "", "")
}

// judgeSkew says what it means that our clock is ahead of others by so much.
func judgeSkew(ahead time.Duration, whose, why, do string) []Finding {
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	what := fmt.Sprintf("the clock is %v %s %s", ahead.Abs().Round(time.Millisecond), word, whose)
	switch {
	case ahead.Abs() > badClock:
		return one(Problem, what, why+"; beyond a minute a node does not mine", do)
	case ahead.Abs() > looseClock:
		return one(Warning, what, "beyond a minute a node does not mine", do)
	}
	return one(OK, what, "", "")
}

// seedClock asks the nodes whose API is a seed for the time, and compares it with that of this machine.
func (e *exam) seedClock(ctx context.Context) (ahead time.Duration, whose string, ok bool) {
	c := &http.Client{Timeout: dateLimit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	for _, seed := range e.cfg.Seeds {
		if !strings.HasPrefix(seed, "http://") && !strings.HasPrefix(seed, "https://") {
			continue
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(seed, "/")+"/livez", nil)
		if err != nil {
			continue
		}
		asked := e.cfg.Now()
		answer, err := c.Do(r)
		if err != nil {
			continue
		}
		answer.Body.Close()
		if theirs, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
			now := asked.Add(e.cfg.Now().Sub(asked) / 2)
			return now.Truncate(time.Second).Sub(theirs), seed, true // a Date has whole seconds
		}
	}
	return 0, "", false
}
