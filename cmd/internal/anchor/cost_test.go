package anchor_test

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"p2pchain/cmd/internal/anchor"
)

// TestMemoryIsFlat follows and checks a large file: what it takes does not depend on the size.
func TestMemoryIsFlat(t *testing.T) {
	size := int64(48 << 20)
	if os.Getenv("P2PCHAIN_LONG") != "" {
		size = 8 << 30
	}
	p := newPlace(t)
	p.write("begin\n")
	must(t, os.Truncate(p.log, size)) // the rest takes no disk
	p.write("end\n")
	cfg := p.config()
	cfg.Once, cfg.Segment = true, 16<<20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	must(t, anchor.Follow(context.Background(), cfg))
	file, err := os.Open(p.log)
	must(t, err)
	defer file.Close()
	r, err := p.chain.collection().Check(file, uint64(size)+4, "app.log", anchor.Choice{})
	must(t, err)
	runtime.ReadMemStats(&after)
	if r.Verdict != anchor.Intact || r.Intact != uint64(size)+4 || r.Lines != 2 || r.Anchors != int(size>>24)+1 {
		t.Errorf("%+v", r)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes of memory were taken in all, for a file of %d", grown, size)
	}
}

// BenchmarkWriter appends lines of 200 bytes, each with a write of its own, as fast as the system takes
// them, by turns with nobody watching and with a follower that looks twenty times a second. The percent
// are the median of what each two turns compare to.
func BenchmarkWriter(b *testing.B) {
	const turn = 300 * time.Millisecond
	var ratios, alone, watched []float64
	anchors := 0
	for b.Loop() {
		var rate [2]float64
		for i := range 2 {
			which := (i + len(ratios)) % 2
			n := 0
			rate[which], n = writerTurn(b, turn, which == 1)
			anchors += n
		}
		alone, watched, ratios = append(alone, rate[0]), append(watched, rate[1]), append(ratios, rate[1]/rate[0])
	}
	if anchors < 2*len(ratios) {
		b.Fatalf("void: %d anchors in %d turns", anchors, len(ratios))
	}
	median := func(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }
	b.ReportMetric(median(alone), "lines/s-alone")
	b.ReportMetric(median(watched), "lines/s-watched")
	b.ReportMetric(100*median(ratios), "percent")
}

// writerTurn returns how many lines a second are written, and how many anchors are made of them.
func writerTurn(b *testing.B, turn time.Duration, watched bool) (float64, int) {
	p := newPlace(b)
	p.write("first\n")
	stop := func() {}
	if watched {
		cfg := p.config()
		cfg.Interval = 50 * time.Millisecond
		stop = p.follow(cfg)
	}
	n, took := writeFor(b, p.log, turn)
	stop()
	must(b, os.Remove(p.log))
	return float64(n) / took.Seconds(), p.chain.count()
}

// writeFor appends lines for a while.
func writeFor(b *testing.B, path string, d time.Duration) (n int, took time.Duration) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(b, err)
	defer f.Close()
	line := append(bytes.Repeat([]byte("x"), 199), '\n')
	start := time.Now()
	for ; time.Since(start) < d; n++ {
		_, err := f.Write(line)
		must(b, err)
	}
	return n, time.Since(start)
}

// BenchmarkFollow reads 64 MiB that are new.
func BenchmarkFollow(b *testing.B) {
	const size = 64 << 20
	b.SetBytes(size)
	for b.Loop() {
		p := newPlace(b)
		p.write("begin\n")
		must(b, os.Truncate(p.log, size))
		cfg := p.config()
		cfg.Once, cfg.Segment = true, 16<<20
		must(b, anchor.Follow(context.Background(), cfg))
	}
}

// BenchmarkCheck compares 64 MiB with 64 anchors.
func BenchmarkCheck(b *testing.B) {
	const size = 64 << 20
	p := newPlace(b)
	p.write("begin\n")
	must(b, os.Truncate(p.log, size))
	cfg := p.config()
	cfg.Once, cfg.Segment = true, 1<<20
	must(b, anchor.Follow(context.Background(), cfg))
	c := p.chain.collection()
	file, err := os.Open(p.log)
	must(b, err)
	defer file.Close()
	b.SetBytes(size)
	for b.Loop() {
		if r, err := c.Check(file, size, "app.log", anchor.Choice{}); err != nil || r.Verdict != anchor.Intact {
			b.Fatal(err, r)
		}
	}
}
