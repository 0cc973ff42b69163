package logs

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// ErrLevels means that a text does not say from which level on lines are shown.
var ErrLevels = errors.New("not log levels")

// Libraries is the part that stands for what libraries of others say. They have a level of their own,
// since what they say at info and debug is for their makers.
const Libraries = "libp2p"

// librariesLevel is theirs, unless the user says otherwise.
const librariesLevel = slog.LevelWarn

// parents returns the parts of a node, and which part speaks for each where it is not named itself.
func parents() map[string]string {
	return map[string]string{
		"node": "", "store": "", "chain": "", "forget": "", "mempool": "", "miner": "", "bootstrap": "", "api": "", "web": "", "backup": "",
		"p2p": "", "gossip": "p2p", "exchange": "p2p", "syncer": "p2p", "filler": "p2p", Libraries: "",
	}
}

// Parts returns the names that may have levels of their own.
func Parts() []string { return slices.Sorted(maps.Keys(parents())) }

// Levels say from which level on the lines of each part are shown. The zero value shows info and above.
type Levels struct {
	rest  slog.Level
	parts map[string]slog.Level
}

// ParseLevels reads what a user says: a level for all, and levels for parts, as in "warn,p2p=debug".
// Errors wrap ErrLevels and name what would be right.
func ParseLevels(text string) (Levels, error) {
	l := Levels{parts: make(map[string]slog.Level)}
	for word := range strings.SplitSeq(text, ",") {
		part, name, named := strings.Cut(strings.TrimSpace(word), "=")
		if !named {
			part, name = "", part
		}
		level, ok := levelNames()[strings.ToLower(strings.TrimSpace(name))]
		if !ok {
			return l, fmt.Errorf("%q: want debug, info, warn or error, or such as info,p2p=debug: %w", word, ErrLevels)
		}
		if part = strings.TrimSpace(part); !named {
			l.rest = level
			continue
		}
		if _, known := parents()[part]; !known {
			return l, fmt.Errorf("%q: there is no part %q, only %s: %w", word, part, strings.Join(Parts(), ", "), ErrLevels)
		}
		l.parts[part] = level
	}
	return l, nil
}

func levelNames() map[string]slog.Level {
	return map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
}

// Of returns the least level that is shown of a part.
func (l Levels) Of(part string) slog.Level {
	if part == "" {
		part = "node"
	}
	for ; part != ""; part = parents()[part] {
		if level, ok := l.parts[part]; ok {
			return level
		}
		if part == Libraries {
			return max(librariesLevel, l.rest)
		}
	}
	return l.rest
}
