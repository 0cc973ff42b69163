package main

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"p2pchain": main, "exits": exits})
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
			return nil
		},
	})
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
