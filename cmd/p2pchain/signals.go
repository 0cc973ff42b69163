package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// echo is how long after the first signal another one is taken for the same: a terminal, timeout(1) and
// container engines signal a process and its group, so it comes twice.
const echo = time.Second

// endPatience is how long the end may take after the first signal. Everything here ends within a few
// seconds; what could take longer is a terminal that is stopped, to which somebody still writes.
const endPatience = 15 * time.Second

// untilSignal returns a context that the first SIGINT, SIGTERM or SIGHUP ends, so that everything stops
// in order. A second signal ends the process at once, and so does the end of the patience. The returned
// function gives the signals back. A SIGHUP that is ignored, as nohup(1) has it, stays so.
func untilSignal(parent context.Context, stderr io.Writer, patience time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		var first time.Time
		var late <-chan time.Time
		for {
			select {
			case <-done:
				return
			case <-late:
				leave(stderr, fmt.Sprintf("not ended within %v of the signal: ending at once", patience))
			case s := <-signals:
				if first.IsZero() {
					first, late = time.Now(), time.After(patience)
					cancel()
				} else if time.Since(first) > echo {
					leave(stderr, fmt.Sprintf("%v again: ending at once", s))
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

// leave ends the process. It says why, if somebody reads that.
func leave(stderr io.Writer, why string) {
	said := make(chan struct{})
	go func() {
		fmt.Fprintf(stderr, "p2pchain: %s\n", why)
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(200 * time.Millisecond):
	}
	os.Exit(exitInterrupted)
}
