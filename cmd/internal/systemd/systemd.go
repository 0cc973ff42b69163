// Package systemd tells a service manager how a process is: that it has started, what it does, that it
// is alive, and that it ends. It speaks the protocol of sd_notify(3): datagrams of KEY=VALUE lines to the
// socket that NOTIFY_SOCKET names. Without that variable everything here does nothing.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// lookEvery is how often the status is looked at where there is no watchdog that wants it sooner.
	lookEvery = 10 * time.Second
	// extendBy is how much longer a start may take whenever it is told that it goes on; extendEvery is
	// how often that is.
	extendBy    = time.Minute
	extendEvery = 15 * time.Second
	// sendPatience is how long a message may take: a manager that does not read must not hold us up.
	sendPatience = time.Second
)

// A Notifier talks to the manager. Its methods are safe for concurrent use, and do nothing on nil.
type Notifier struct {
	conn     net.Conn
	watchdog time.Duration
}

// New returns a notifier for the manager that the environment names; nil without an error where it names
// none.
func New(env func(string) (string, bool)) (*Notifier, error) {
	path, _ := env("NOTIFY_SOCKET")
	if path == "" {
		return nil, nil
	}
	if path[0] != '/' && path[0] != '@' {
		return nil, fmt.Errorf("NOTIFY_SOCKET is %q, which is no socket of this machine", path)
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("the service manager's socket: %w", err)
	}
	return &Notifier{conn, watchdogOf(env)}, nil
}

// watchdogOf returns within which time the manager wants to hear of us, 0 if it does not care. The
// setting may be meant for another process (sd_watchdog_enabled(3)).
func watchdogOf(env func(string) (string, bool)) time.Duration {
	text, _ := env("WATCHDOG_USEC")
	usec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || usec <= 0 {
		return 0
	}
	if pid, set := env("WATCHDOG_PID"); set && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}

// Close ends the talk.
func (n *Notifier) Close() error {
	if n == nil {
		return nil
	}
	return n.conn.Close()
}

// send tells of one or more states. What a status quotes from others stays in its line.
func (n *Notifier) send(states ...string) error {
	for i, s := range states {
		states[i] = strings.Map(func(r rune) rune {
			if !strconv.IsPrint(r) {
				return ' '
			}
			return r
		}, s)
	}
	deadline := n.conn.SetWriteDeadline(time.Now().Add(sendPatience))
	_, err := n.conn.Write([]byte(strings.Join(states, "\n")))
	if err := errors.Join(deadline, err); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}

// Starting says again and again that the start goes on, however long it takes, until ctx ends. It returns
// what went wrong at last, if anything did.
func (n *Notifier) Starting(ctx context.Context, doing string) error {
	if n == nil {
		return nil
	}
	tick := time.NewTicker(extendEvery)
	defer tick.Stop()
	for {
		err := n.send("STATUS="+doing, "EXTEND_TIMEOUT_USEC="+strconv.FormatInt(extendBy.Microseconds(), 10))
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// A Service is what is told of.
type Service interface {
	// Live says what hangs, nil while nothing does.
	Live() error
	// Summary says in a sentence how the service is.
	Summary() string
}

// Run says that the service is ready, then how it is, and that it is alive for as long as it is, until
// ctx ends; then that it stops. It returns what went wrong at last, if anything did.
func (n *Notifier) Run(ctx context.Context, s Service) error {
	if n == nil {
		return nil
	}
	every := lookEvery
	if n.watchdog > 0 {
		every = min(every, n.watchdog/2)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	told := s.Summary()
	err := n.send("READY=1", "STATUS="+told)
	for {
		select {
		case <-ctx.Done():
			return errors.Join(err, n.send("STOPPING=1", "STATUS=stopping"))
		case <-tick.C:
		}
		var states []string
		if n.watchdog > 0 && s.Live() == nil {
			states = append(states, "WATCHDOG=1")
		}
		if now := s.Summary(); now != told {
			told = now
			states = append(states, "STATUS="+told)
		}
		if len(states) == 0 {
			continue
		}
		err = n.send(states...) // a manager that starts anew may miss one
	}
}
