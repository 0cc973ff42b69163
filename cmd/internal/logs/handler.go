package logs

import (
	"context"
	"log/slog"
	"time"
)

const (
	partKey = "part"
	// loggerKey is how go-libp2p and its relatives name the subsystem that speaks.
	loggerKey = "logger"
)

// A handler is a Log with the attributes of one logger.
type handler struct {
	log    *Log
	least  slog.Level
	part   string
	prefix string // of groups, with its dot
	fields []field
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.least }

// Handle implements slog.Handler. It never fails and hardly ever waits.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	m := &line{time: r.Time, level: r.Level, part: h.part, text: cut(r.Message, maxValue)}
	if m.time.IsZero() {
		m.time = time.Now()
	}
	m.fields = make([]field, len(h.fields), len(h.fields)+r.NumAttrs())
	copy(m.fields, h.fields)
	r.Attrs(func(a slog.Attr) bool {
		m.fields = appendFields(m.fields, h.prefix, a)
		return true
	})
	h.log.say(m)
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.fields = h.fields[:len(h.fields):len(h.fields)]
	for _, a := range attrs {
		switch {
		case a.Key == partKey && h.prefix == "":
			out.part = a.Value.String()
			out.least = h.log.levels.Of(out.part)
			continue
		case a.Key == loggerKey && h.prefix == "":
			out.least = max(out.least, h.log.levels.Of(Libraries))
			if out.part == "" {
				out.part, out.least = Libraries, h.log.levels.Of(Libraries)
			}
		}
		out.fields = appendFields(out.fields, h.prefix, a)
	}
	return &out
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	out := *h
	out.prefix += name + "."
	return &out
}
