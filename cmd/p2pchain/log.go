package main

import (
	"io"
	"os"

	"p2pchain/cmd/internal/logs"
)

// A logLevels is the flag that says which lines are shown, of all parts or of some.
type logLevels struct {
	text   string
	levels logs.Levels
}

// newLogLevels returns the flag with its default.
func newLogLevels(text string) *logLevels {
	l := new(logLevels)
	if err := l.Set(text); err != nil {
		panic("default log level: " + err.Error())
	}
	return l
}

// String returns the text as it was set.
func (l *logLevels) String() string { return l.text }

// Type returns what the flag takes, for help texts.
func (l *logLevels) Type() string { return "LEVEL[,PART=LEVEL]" }

// Set reads a text.
func (l *logLevels) Set(text string) (err error) {
	l.levels, err = logs.ParseLevels(text)
	l.text = text
	return err
}

// startLog opens the log as the settings ask for. It goes to standard error and, where there is one, to
// the log file: in colours on a terminal, as JSON wherever programs read it.
func (a *app) startLog(f *runFlags) (*logs.Log, error) {
	terminal := isTerminal(a.stderr)
	noColor, _ := a.lookupEnv("NO_COLOR")
	log, err := logs.Open(logs.Options{
		Levels: f.logLevel.levels,
		Out:    a.stderr, OutForm: formOf(f.logFormat.value, terminal),
		Colours: a.isLive(a.stderr) && noColor == "", Dates: !terminal,
		File: f.logFile, FileForm: formOf(f.logFormat.value, false),
	})
	if err != nil {
		return nil, usagef("--log-file: %w", err)
	}
	return log, nil
}

// formOf returns the form of a log for a terminal, or for what is none.
func formOf(setting string, terminal bool) logs.Form {
	if setting == "auto" && terminal {
		return logs.Text
	}
	if setting == "auto" {
		return logs.JSON
	}
	return logs.Form(setting)
}

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	if live, ok := w.(*liveLine); ok {
		w = live.w
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	stat, err := file.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}

// isLive reports whether lines can be drawn anew where w leads: on a terminal that knows how to.
func (a *app) isLive(w io.Writer) bool {
	term, _ := a.lookupEnv("TERM")
	return isTerminal(w) && term != "dumb"
}
