package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"p2pchain": main, "exits": exits, "stubborn": stubborn})
}

// TestScript runs the command as a user does: see testdata/script.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("XDG_CONFIG_HOME", "")
			env.Setenv("XDG_DATA_HOME", "")
			env.Setenv("GORACE", "atexit_sleep_ms=10") // under -race every process sleeps a second at its end
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"ready": ready, "terminate": terminate, "connected": connected, "freeports": freePorts, "fits": fits},
	})
}

// ready is the script command "ready DIR": it waits until the node of a data directory answers.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		address, err := node.ReadAddress(ts.MkAbs(args[0]))
		if err == nil {
			options, err := address.Options()
			ts.Check(err)
			c, err := client.New(address.URL, options...)
			ts.Check(err)
			err = c.Live(ctx)
			c.Close()
			if err == nil {
				ts.Setenv("API", address.URL)
				if address.Cert != "" {
					sum, err := node.Fingerprint(address.Cert)
					ts.Check(err)
					ts.Setenv("CERT", sum)
				}
				tick.Stop()
				return
			}
		}
		if ctx.Err() != nil {
			ts.Fatalf("no node answers in %s: %v", args[0], err)
		}
	}
}

// exits is the script command "exits CODE ARG...": p2pchain ARG... must end with that code.
func exits() {
	want, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "usage: exits CODE ARG...")
		os.Exit(1)
	}
	a := &app{program: "p2pchain", stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv}
	if got := a.run(os.Args[2:]); got != want {
		fmt.Fprintf(os.Stderr, "ended with code %d, want %d\n", got, want)
		os.Exit(1)
	}
}

// terminate is the script command "terminate DIR": it sends SIGTERM to the node of a data directory.
func terminate(ts *testscript.TestScript, _ bool, args []string) {
	address, err := node.ReadAddress(ts.MkAbs(args[0]))
	ts.Check(err)
	process, err := os.FindProcess(address.PID)
	ts.Check(err)
	ts.Check(process.Signal(syscall.SIGTERM))
}

// connected is the script command "connected DIR N": it waits until the node of a data directory has N
// peers.
func connected(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	address, err := node.ReadAddress(ts.MkAbs(args[0]))
	ts.Check(err)
	c, err := client.New(address.URL)
	ts.Check(err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		peers, err := c.Peers(ctx)
		ts.Check(err)
		if len(peers) == want {
			return
		}
		<-tick.C
	}
}

// freePorts is the script command "freeports NAME...": each variable gets a port that is free now, as the
// one after it is. They are below those that systems give to whoever asks for any port, so that no other
// test gets one of them before it is used here.
func freePorts(ts *testscript.TestScript, _ bool, args []string) {
	var open []net.Listener
	defer func() {
		for _, l := range open {
			l.Close()
		}
	}()
	for tries := 0; len(args) > 0; tries++ {
		if tries == 1000 {
			ts.Fatalf("no two free ports side by side")
		}
		port := 20_000 + 2*rand.IntN(6000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		open = append(open, l)
		next, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		if err != nil {
			continue
		}
		open = append(open, next)
		ts.Setenv(args[0], strconv.Itoa(port))
		args = args[1:]
	}
}
