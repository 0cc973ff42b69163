package node

import (
	"slices"
	"testing"

	"p2pchain/api"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

// TestSyncOf holds what is made of the syncer's figures, above all when there is no time left to tell.
func TestSyncOf(t *testing.T) {
	s := syncOf(syncer.Status{State: syncer.Fetching, Height: 100, BestHeader: 700, Walked: 900, Target: 1100, Rate: 50, MessageRate: 500, ByteRate: 1e6})
	if s.State != "blocks" || s.Height != 100 || s.BestHeader != 700 || s.Walked != 900 || s.Target != 1100 ||
		s.BlocksPerSecond != 50 || s.MessagesPerSecond != 500 || s.BytesPerSecond != 1e6 {
		t.Errorf("%+v", s)
	}
	if s.ETASeconds == nil || *s.ETASeconds != 20 {
		t.Errorf("time left %v, want 20 s", s.ETASeconds)
	}
	for name, none := range map[string]syncer.Status{
		"nothing comes": {State: syncer.Fetching, Height: 100, Target: 1100},
		"done":          {State: syncer.Synced, Height: 100, Target: 100, Rate: 5},
		"ahead":         {State: syncer.Synced, Height: 100, Target: 90, Rate: 5},
	} {
		if s := syncOf(none); s.ETASeconds != nil {
			t.Errorf("%s: %v s left", name, *s.ETASeconds)
		}
	}
}

// TestSyncWords holds the API to the syncer's words.
func TestSyncWords(t *testing.T) {
	for said, want := range map[syncer.State]string{syncer.Alone: api.SyncAlone, syncer.Fetching: api.SyncBlocks, syncer.Synced: api.SyncSynced} {
		if got := syncOf(syncer.Status{State: said}).State; got != want {
			t.Errorf("%s is %q in the API, want %q", said, got, want)
		}
	}
}

// TestTopics holds the names of the meshes, and that there is a list where a peer is in none.
func TestTopics(t *testing.T) {
	for m, want := range map[gossip.Mesh][]string{
		{}:                             {},
		{Messages: true}:               {api.TopicMessages},
		{Blocks: true}:                 {api.TopicBlocks},
		{Messages: true, Blocks: true}: {api.TopicMessages, api.TopicBlocks},
	} {
		if got := topics(m); got == nil || !slices.Equal(got, want) {
			t.Errorf("%+v: got %v", m, got)
		}
	}
}
