package main

import (
	"strings"
	"testing"

	"p2pchain/cmd/internal/bench"
)

func TestRounded(t *testing.T) {
	for rate, want := range map[float64]string{
		0.04: "0.0", 3.14159: "3.1", 26.4: "26", 999.6: "1,000", 13972: "14,000", 999_499: "999,000", 999_500: "1 million", 36_123_456: "36.1 million", 1.204e9: "1200 million",
	} {
		if got := rounded(rate); got != want {
			t.Errorf("%v is written %q, want %q", rate, got, want)
		}
	}
}

// TestShowBench shows a whole run, and one that ended at once.
func TestShowBench(t *testing.T) {
	show := func(r bench.Report) string {
		var b strings.Builder
		text := newText(&b)
		showBench(text, r)
		if err := text.w.Flush(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	whole := bench.Report{
		Complete: true, Seconds: 10, ProcessorShare: 0.97, Platform: "linux/arm64", Processors: 4, Dir: "/data",
		Search: []bench.Search{{Threads: 1, Hashes: 9.1e6}, {Threads: 4, Hashes: 35e6}},
		Signed: 11_234, CheckedSingly: 5_020, CheckedBatched: 30_120, HashedBytes: 310e6, Validated: 21_300,
		Durable: []bench.Durable{{Writers: 1, Messages: 83.2}, {Writers: 64, Messages: 3_412}},
		Outlook: []bench.Outlook{
			{Threads: 1, Wanted: 10, Difficulty: 6, Expected: 1.84}, {Threads: 1, Wanted: 60, Difficulty: 7, Expected: 29.5},
			{Threads: 4, Wanted: 10, Difficulty: 7, Expected: 7.67}, {Threads: 4, Wanted: 60, Difficulty: 7, Expected: 7.67},
		},
	}
	golden(t, "testdata/bench.txt", []byte(show(whole)))
	whole.ProcessorShare = 0.412
	if got := show(whole); !strings.Contains(got, "\nSome of this got 41 % of the processor time that it could use: other programs are busy") {
		t.Errorf("on a busy machine it shows\n%s", got)
	}
	if got, want := show(bench.Report{Platform: "linux/arm64", Processors: 1, Dir: "/data"}), "linux/arm64, 1 processor, data folder /data\n\n"; got != want {
		t.Errorf("a run that ended at once shows\n%s", got)
	}
}
