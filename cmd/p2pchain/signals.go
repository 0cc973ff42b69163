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

// untilSignal returns a context that the first SIGINT, SIGTERM or SIGHUP ends, so that everything stops
// in order. A second signal ends the process at once. The returned function gives the signals back.
// A SIGHUP that is ignored, as nohup(1) has it, stays so.
func untilSignal(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		var first time.Time
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				if first.IsZero() {
					first = time.Now()
					cancel()
				} else if time.Since(first) > echo {
					fmt.Fprintf(stderr, "p2pchain: %v again: ending at once\n", s)
					os.Exit(exitInterrupted)
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
