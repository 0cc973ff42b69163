package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// stubborn is the script command that keeps running after it was asked to stop. It writes a file
// when it is there and another when it was asked. With an argument, nobody waits for it for longer.
func stubborn() {
	patience := endPatience
	if len(os.Args) > 1 {
		var err error
		if patience, err = time.ParseDuration(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	ctx, stop := untilSignal(context.Background(), os.Stderr, patience)
	defer stop()
	for _, name := range []string{"there", "asked"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		<-ctx.Done()
	}
	select {}
}
