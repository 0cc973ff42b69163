package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first SIGINT or SIGTERM ends, so that everything stops in
// order. A second signal ends the process at once. The returned function gives the signals back.
func untilSignal(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for asked := false; ; asked = true {
			select {
			case <-done:
				return
			case s := <-signals:
				if asked {
					fmt.Fprintf(stderr, "p2pchain: %v again: ending at once\n", s)
					os.Exit(exitInterrupted)
				}
				cancel()
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
