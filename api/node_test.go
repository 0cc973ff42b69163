package api

import (
	"math"
	"testing"
)

// TestSyncAt has a syncer that spoke before the chain went on: one answer has one height, and a state
// that fits it.
func TestSyncAt(t *testing.T) {
	for _, tt := range []struct {
		name      string
		said      Sync
		tip, best uint64
		want      Sync
		left      float64
	}{
		{"nothing new", Sync{State: SyncSynced, Height: 9, BestHeader: 9, Target: 9}, 9, 9, Sync{State: SyncSynced, Height: 9, BestHeader: 9, Target: 9}, 0},
		{"a block more", Sync{State: SyncSynced, Height: 9, BestHeader: 9, Target: 9}, 16, 16, Sync{State: SyncSynced, Height: 16, BestHeader: 16, Target: 16}, 0},
		{"headers more", Sync{State: SyncSynced, Height: 9, BestHeader: 9, Target: 9}, 9, 16, Sync{State: SyncBlocks, Height: 9, BestHeader: 16, Target: 16}, 0},
		{"a shorter branch of more work", Sync{State: SyncSynced, Height: 9, BestHeader: 9, Target: 9}, 8, 8, Sync{State: SyncSynced, Height: 8, BestHeader: 8, Target: 8}, 0},
		{"done", Sync{State: SyncBlocks, Height: 9, BestHeader: 16, Target: 16}, 16, 16, Sync{State: SyncSynced, Height: 16, BestHeader: 16, Target: 16}, 0},
		{"nearer", Sync{State: SyncBlocks, Height: 9, BestHeader: 16, Target: 30, BlocksPerSecond: 2}, 12, 20, Sync{State: SyncBlocks, Height: 12, BestHeader: 20, Target: 30, BlocksPerSecond: 2}, 9},
		{"nearly a year", Sync{State: SyncBlocks, Target: 31_000_000, BlocksPerSecond: 1}, 0, 0, Sync{State: SyncBlocks, Target: 31_000_000, BlocksPerSecond: 1}, 31_000_000},
		{"a claim that nobody reaches", Sync{State: SyncBlocks, Target: math.MaxUint64, BlocksPerSecond: 2}, 0, 0, Sync{State: SyncBlocks, Target: math.MaxUint64, BlocksPerSecond: 2}, 0},
		{"an average that has faded", Sync{State: SyncBlocks, Target: 1, BlocksPerSecond: 5e-324}, 0, 0, Sync{State: SyncBlocks, Target: 1, BlocksPerSecond: 5e-324}, 0},
		{"alone with headers", Sync{State: SyncAlone, Height: 9, BestHeader: 16, Target: 16}, 9, 16, Sync{State: SyncAlone, Height: 9, BestHeader: 16, Target: 16}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := syncAt(tt.said, tt.tip, tt.best)
			if _, err := encode(got); err != nil {
				t.Error(err) // who follows the events would end the node
			}
			left := 0.0
			if got.ETASeconds != nil {
				left, got.ETASeconds = *got.ETASeconds, nil
			}
			if got != tt.want || left != tt.left {
				t.Errorf("syncAt = %+v with %v s left, want %+v with %v s", got, left, tt.want, tt.left)
			}
		})
	}
}
