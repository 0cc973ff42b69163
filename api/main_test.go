package api_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or one of the servers that a benchmark starts in a process of its own.
func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServerEnv); kind != "" {
		os.Exit(serveBench(kind))
	}
	goleak.VerifyTestMain(m)
}
