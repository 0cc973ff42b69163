package logs

import (
	"context"
	"log/slog"

	golog "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/gologshim"
	"go.uber.org/zap/zapcore"
)

// Capture makes libraries of others speak here, as the part libp2p: go-libp2p, its DHT, and whoever uses
// the standard loggers. It changes settings of the whole process that go-libp2p reads once, so only the
// process that is a node calls it, before it makes the node.
func (l *Log) Capture() {
	gologshim.SetDefaultHandler(l.logger.Handler())
	golog.SetAllLoggers(golog.LogLevel(zapLevel(l.levels.Of(Libraries))))
	golog.SetPrimaryCore(zapBridge{l.logger.Handler()})
	slog.SetDefault(slog.New(l.logger.Handler().WithAttrs([]slog.Attr{slog.String(loggerKey, "go")})))
	slog.SetLogLoggerLevel(slog.LevelWarn) // package log has no levels
}

// A zapBridge is a core of zap, which kad-dht logs to, in front of a slog handler.
type zapBridge struct{ handler slog.Handler }

// Enabled implements zapcore.LevelEnabler.
func (z zapBridge) Enabled(level zapcore.Level) bool {
	return z.named("").Enabled(context.Background(), levelOf(level))
}

// named returns the handler of a subsystem.
func (z zapBridge) named(name string) slog.Handler {
	return z.handler.WithAttrs([]slog.Attr{slog.String(loggerKey, name)})
}

// With implements zapcore.Core.
func (z zapBridge) With(fields []zapcore.Field) zapcore.Core {
	return zapBridge{z.handler.WithAttrs(attrsOf(fields))}
}

// Check implements zapcore.Core.
func (z zapBridge) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(e.Level) {
		return to.AddCore(e, z)
	}
	return to
}

// Write implements zapcore.Core.
func (z zapBridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	r := slog.NewRecord(e.Time, levelOf(e.Level), e.Message, 0)
	r.AddAttrs(attrsOf(fields)...)
	return z.named(e.LoggerName).Handle(context.Background(), r)
}

// Sync implements zapcore.Core.
func (z zapBridge) Sync() error { return nil }

func levelOf(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level == zapcore.WarnLevel:
		return slog.LevelWarn
	case level == zapcore.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// zapLevel is the opposite of levelOf.
func zapLevel(level slog.Level) zapcore.Level {
	switch {
	case level >= slog.LevelError:
		return zapcore.ErrorLevel
	case level >= slog.LevelWarn:
		return zapcore.WarnLevel
	case level >= slog.LevelInfo:
		return zapcore.InfoLevel
	}
	return zapcore.DebugLevel
}

// attrsOf turns fields of zap into attributes.
func attrsOf(fields []zapcore.Field) []slog.Attr {
	values := zapcore.NewMapObjectEncoder()
	out := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		if f.Type == zapcore.SkipType {
			continue
		}
		f.AddTo(values)
		out = append(out, slog.Any(f.Key, values.Fields[f.Key]))
	}
	return out
}
