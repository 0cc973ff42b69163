package logs

import (
	"hash/maphash"
	"log/slog"
	"sync"
	"time"
)

const (
	// window is the time over which repeated lines are counted.
	window = 10 * time.Second
	// burst is how many lines of one text are shown in it, burstSame how many errors that are the same in
	// all their values.
	burst     = 20
	burstSame = 5
	// maxVariants is how many errors of one text are told apart, maxTexts how many texts. What is beyond
	// shares one count: memory is bounded, whatever strangers make us say.
	maxVariants = 32
	maxTexts    = 512
	// maxText is how much of a text tells it from others.
	maxText = 128
)

// A kindOf is what makes two lines the same.
type kindOf struct {
	level   slog.Level
	part    string
	text    string
	variant uint64 // of an error: a hash of its values
}

// overflow stands for the variants, or texts, for which there is no room.
const overflow = 1

// A repeat counts the lines of one kind.
type repeat struct {
	begun  time.Time // of the window
	shown  int
	hidden uint64
	last   line // of the hidden ones
}

// A limiter decides which lines are shown.
type limiter struct {
	seed maphash.Seed

	mu       sync.Mutex // guards what is below
	repeats  map[kindOf]*repeat
	variants map[kindOf]int // by kind, without its variant
	hidden   uint64
}

func newLimiter() *limiter {
	return &limiter{seed: maphash.MakeSeed(), repeats: make(map[kindOf]*repeat), variants: make(map[kindOf]int)}
}

// admit reports whether a line is to be shown now. One that is not is counted, and kept until the next
// of its kind or the end of the window. Whoever asks for debug wants every line.
func (l *limiter) admit(m *line) bool {
	if m.level < slog.LevelInfo {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kind := l.kind(m)
	r := l.repeats[kind]
	if r == nil {
		r = &repeat{begun: m.time}
		l.repeats[kind] = r
		if kind.variant != 0 {
			l.variants[kind.general()]++
		}
	}
	most := burst
	if kind.variant > overflow {
		most = burstSame
	}
	if r.shown < most {
		r.shown++
		return true
	}
	r.hidden++
	r.last = *m
	l.hidden++
	return false
}

// kind returns what a line is counted as.
func (l *limiter) kind(m *line) kindOf {
	kind := kindOf{level: m.level, part: m.part, text: m.text[:min(len(m.text), maxText)]}
	if m.level >= slog.LevelError {
		general := kind
		kind.variant = l.hash(m)
		if l.repeats[kind] == nil && l.variants[general] >= maxVariants {
			kind.variant = overflow
		}
	}
	if l.repeats[kind] == nil && len(l.repeats) >= maxTexts {
		return kindOf{level: m.level, variant: overflow}
	}
	return kind
}

// general is a kind without its variant.
func (k kindOf) general() kindOf {
	k.variant = 0
	return k
}

// hash tells lines of one text apart by their values. It is over 1, which is overflow.
func (l *limiter) hash(m *line) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, f := range m.fields {
		h.WriteString(f.key)
		h.WriteByte(0)
		h.WriteString(f.value.String())
		h.WriteByte(0)
	}
	return max(h.Sum64(), overflow+1)
}

// due returns a line for each kind of which some were hidden, with their number, once its window is over;
// all of them where that is asked for. Kinds of which nothing was hidden are forgotten.
func (l *limiter) due(now time.Time, all bool) []line {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []line
	for kind, r := range l.repeats {
		if !all && now.Sub(r.begun) < window {
			continue
		}
		if r.hidden > 0 {
			out = append(out, r.last.repeated(r.hidden))
			*r = repeat{begun: now, shown: 1}
			continue
		}
		delete(l.repeats, kind)
		if kind.variant == 0 {
			continue
		}
		if l.variants[kind.general()]--; l.variants[kind.general()] == 0 {
			delete(l.variants, kind.general())
		}
	}
	return out
}

// repeated returns the last of some lines as the one that stands for all of them.
func (m line) repeated(count uint64) line {
	m.fields = append(m.fields[:len(m.fields):len(m.fields)], field{"repeated", slog.Uint64Value(count)})
	return m
}

// suppressed returns how many lines were hidden since the start.
func (l *limiter) suppressed() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hidden
}
