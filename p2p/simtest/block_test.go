package simtest

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p/p2ptest"
)

// TestBlockOfKnownMessages holds a figure of docs/benchmarks.md for a full block whose messages wait everywhere
// already, along a line of 8 nodes with links of 50 ms: it costs a hop a few bytes for each message,
// and the last node has it 1.2 s after the first. What the nodes compute takes no time here.
func TestBlockOfKnownMessages(t *testing.T) {
	count, messages := size(4, 8), size(2000, 10000)
	const (
		perMessage, perBlock = 8, 4096 // bytes of a hop, in both directions, everything below UDP left out
		perHop               = 1200 * time.Millisecond / 7
	)
	start := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 50 * time.Millisecond, BitsPerSecond: 100_000_000})
		n := coretest.Network(t)
		msgs := coretest.Messages(t, n, "known", messages)
		var line []*simNode
		for i := range count {
			cfg := config{}
			if i > 0 {
				cfg.Dials = []int{i - 1}
			}
			line = append(line, s.Start(n, cfg))
			line[i].Wait(msgs...)
		}
		s.Within(time.Minute, "a line", func() bool { return connections(line) == 2*(count-1) })
		time.Sleep(10 * time.Second) // meshes form, and waiting messages are compared

		b := coretest.Next(t, n, coretest.Tip(line[0].Chain.Tip()), msgs...)
		before := hops(s, line)
		arrived := tips(t, line, b.Header.Hash())
		line[0].Seal(b)
		s.Within(time.Minute, "at the end of the line", func() bool { return len(arrived()) == count })
		at := arrived()
		took := at[count-1].Sub(at[0])
		time.Sleep(time.Second) // what comes after it on the wire is counted too
		most := int64(0)
		for i, bytes := range hops(s, line) {
			most = max(most, bytes-before[i])
		}
		t.Logf("block of %d messages over %d hops: %v, at most %d bytes a hop (%.2f a message)",
			messages, count-1, took, most, float64(most)/float64(messages))
		s.NobodyAccused()
		if limit := perHop * time.Duration(count-1); took > limit {
			t.Errorf("the last node has it %v after the first, want %v at most", took, limit)
		}
		if limit := int64(perMessage*messages + perBlock); most > limit {
			t.Errorf("%d bytes over one hop, want %d at most", most, limit)
		}
	})
}

// hops returns how many bytes went over each hop of a line so far, in both directions.
func hops(s *simulation, line []*simNode) (bytes []int64) {
	for i := 1; i < len(line); i++ {
		bytes = append(bytes, s.Bytes(line[i-1].Index, line[i].Index)+s.Bytes(line[i].Index, line[i-1].Index))
	}
	return bytes
}

// connections counts the peers of all nodes.
func connections(nodes []*simNode) (count int) {
	for _, node := range nodes {
		count += len(node.P2P.Peers())
	}
	return count
}
