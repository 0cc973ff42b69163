package filler

import (
	"testing"
	"time"

	"p2pchain/core/coretest"
)

// TestProtocolPage holds docs/protocol.md to how bodies are asked for that are missing.
func TestProtocolPage(t *testing.T) {
	page, cfg := coretest.ReadPage(t, "../../docs/protocol.md"), DefaultConfig()
	page.Says("up to %v ids in a request, one request a second in all", cfg.Batch)
	if cfg.Pause != time.Second {
		t.Errorf("one request every %v", cfg.Pause)
	}
	page.Says("asked again after %v s, 1 min, … %v h", cfg.Again/time.Second, cfg.AgainMax/time.Hour)
	page.Says("| one request of %v messages at a time, %v s |", cfg.Batch, cfg.Timeout/time.Second)
}
