package logs

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A Form is how lines are written.
type Form string

// The forms of a log.
const (
	Text Form = "text" // for people
	JSON Form = "json" // for programs
)

// Options say where a log goes, in which form, and what of it.
type Options struct {
	Levels Levels

	Out     io.Writer // standard error, most often
	OutForm Form
	Colours bool // in the text of Out
	Dates   bool // in the text of Out; without them there is the time of day

	File     string // nothing: no file. It is rotated, see Rotating
	FileForm Form
}

// A Log is an open log. It is safe for concurrent use.
type Log struct {
	levels Levels
	limit  *limiter
	sinks  []*sink
	counts [4]atomic.Uint64 // shown, by level
	done   chan struct{}
	ended  chan struct{}
	close  sync.Once
	logger *slog.Logger
}

// A sink is a destination, with the form that its lines have.
type sink struct {
	queue  *queue
	format format
	file   *Rotating // nil: no file
}

// Open opens a log. An error is about the log file.
func Open(o Options) (*Log, error) {
	l := &Log{levels: o.Levels, limit: newLimiter(), done: make(chan struct{}), ended: make(chan struct{})}
	var file *Rotating
	if o.File != "" {
		var err error
		if file, err = OpenRotating(o.File); err != nil {
			return nil, err
		}
	}
	l.addSink(o.Out, formatOf(o.OutForm, look{o.Colours, o.Dates}), nil)
	if file != nil {
		watched := &watchedFile{Rotating: file}
		s := l.addSink(watched, formatOf(o.FileForm, look{dates: true}), file)
		watched.changed = func(err error) { l.tellOfFile(s, file.path, err) }
	}
	l.logger = slog.New(&handler{log: l, least: l.levels.Of("")})
	go l.summarise()
	return l, nil
}

func formatOf(f Form, k look) format {
	if f == JSON {
		return jsonLine
	}
	return k.line
}

func (l *Log) addSink(w io.Writer, f format, file *Rotating) *sink {
	lost := func(count uint64) []byte {
		return f(nil, &line{
			time: time.Now(), level: slog.LevelError, text: "log lines were lost here, since nothing took them",
			fields: []field{{"count", slog.Uint64Value(count)}},
		})
	}
	s := &sink{newQueue(w, lost), f, file}
	l.sinks = append(l.sinks, s)
	return s
}

// Logger returns what to log with. An attribute "part" at its With chooses the level of what is said
// with the result, and so does "logger", which libraries set.
func (l *Log) Logger() *slog.Logger { return l.logger }

// Close says what is still to be said, and closes the file. It takes about a second at most, whoever
// does not take the lines; what is said later is lost.
func (l *Log) Close() {
	l.close.Do(func() {
		close(l.done)
		<-l.ended
		for _, s := range l.sinks {
			if s.queue.close() && s.file != nil {
				s.file.Close() // it was only appended to, so nothing is lost by a failure
			}
		}
	})
}

// Stats say what became of the lines since the start.
type Stats struct {
	Shown      map[slog.Level]uint64 // by debug, info, warn and error
	Suppressed uint64                // came too often, and were counted in others
	Lost       uint64                // were taken by no reader in time, for the destination that lost most
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	s := Stats{Shown: make(map[slog.Level]uint64), Suppressed: l.limit.suppressed()}
	for i := range l.counts {
		s.Shown[slog.LevelDebug+slog.Level(4*i)] = l.counts[i].Load()
	}
	for _, sink := range l.sinks {
		s.Lost = max(s.Lost, sink.queue.losses())
	}
	return s
}

// say shows a line, unless too many like it were.
func (l *Log) say(m *line) {
	if l.limit.admit(m) {
		l.show(m)
	}
}

// show writes a line to every sink.
func (l *Log) show(m *line) {
	index := min(max(int(m.level-slog.LevelDebug)/4, 0), len(l.counts)-1)
	l.counts[index].Add(1)
	for _, s := range l.sinks {
		s.queue.add(s.format(nil, m), m.level >= slog.LevelError)
	}
}

// summarise tells of hidden lines when their window is over, until the log is closed.
func (l *Log) summarise() {
	defer close(l.ended)
	tick := time.NewTicker(window / 10)
	defer tick.Stop()
	for {
		var last bool
		select {
		case <-tick.C:
		case <-l.done:
			last = true
		}
		for _, m := range l.limit.due(time.Now(), last) {
			l.show(&m)
		}
		if last {
			return
		}
	}
}

// tellOfFile says elsewhere that the log file cannot be written, or can be again. The file's own queue
// is what calls it.
func (l *Log) tellOfFile(of *sink, path string, err error) {
	m := &line{time: time.Now(), level: slog.LevelInfo, text: "the log file is written again", fields: []field{{"path", slog.StringValue(path)}}}
	if err != nil {
		m.level, m.text = slog.LevelError, "the log file cannot be written, the node goes on without it"
		m.fields = append(m.fields, field{"err", slog.StringValue(cut(err.Error(), maxValue))})
	}
	for _, s := range l.sinks {
		if s != of {
			s.queue.add(s.format(nil, m), false)
		}
	}
}

// A watchedFile tells when a file begins to fail, and when it ends.
type watchedFile struct {
	*Rotating
	changed func(error)
	failing bool
}

// Write implements io.Writer.
func (w *watchedFile) Write(b []byte) (int, error) {
	n, err := w.Rotating.Write(b)
	if (err != nil) != w.failing {
		w.failing = err != nil
		w.changed(err)
	}
	return n, err
}
