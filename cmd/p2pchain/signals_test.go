package main

import (
	"context"
	"fmt"
	"os"
)

// stubborn is the script command that keeps running after it was asked to stop. It writes a file
// when it is there and another when it was asked.
func stubborn() {
	ctx, stop := untilSignal(context.Background(), os.Stderr)
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
