package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/bench"
)

// benchCommand is "bench".
func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "Measure what this machine can do as a node: hashes, signatures, messages on disk",
		GroupID: groupTools,
		Long: `Measures in about ten seconds what this machine can do with the code that nodes run: the
search for blocks, signing and checking messages, checking whole blocks as a node does
that catches up, and writing messages to the disk of the data folder, where each is
synced before it counts. Then it says what follows from that.

It needs no node, speaks to nobody and changes nothing: it works in a folder of its own
in the data folder, and takes that away again, also when you end it early with Ctrl-C;
what was measured until then is shown. Beside a running node, or any other program that
is busy, the figures are what those leave over, and a line says so. A longer run is
steadier, and writes more.`,
		Example: `  p2pchain bench
  p2pchain bench --seconds 60                      # longer, for steadier figures
  p2pchain bench --data-dir /mnt/usb/p2pchain      # is that disk fast enough?
  p2pchain bench --json | jq '.durable[] | select(.writers == 1)'`,
		Args: takes(0, 0),
	}
	seconds := cmd.Flags().Float64("seconds", 10, "how long, in `SECONDS`, all parts together; at most 120")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dir, err := a.dataDir()
		if err != nil {
			return err
		}
		cfg := bench.Config{Dir: dir, Now: time.Now, Used: bench.ProcessTime}
		if *seconds > 0 && *seconds <= bench.MaxTime.Seconds() {
			cfg.Time = time.Duration(*seconds * float64(time.Second))
		}
		if cfg.Time <= 0 {
			return usagef("--seconds is %v, want more than 0 and at most %v", *seconds, bench.MaxTime.Seconds())
		}
		return a.bench(cmd.Context(), cfg)
	}
	return cmd
}

// bench measures, and shows what it has after an early end, too.
func (a *app) bench(ctx context.Context, cfg bench.Config) error {
	stop := func() {}
	cfg.OnPart = func(what string) {
		stop()
		stop = a.waiting(what)
	}
	r, err := bench.Run(ctx, cfg)
	stop()
	if err != nil && ctx.Err() == nil && len(r.Search) == 0 {
		return err // it did not begin
	}
	if shown := a.print(r, func(t *text) { showBench(t, r) }); shown != nil {
		return shown
	}
	return err
}

// showBench writes the figures that there are, and what they mean.
func showBench(t *text, r bench.Report) {
	t.line("%s, %s, data folder %s\n", r.Platform, plural(r.Processors, "processor"), printable(r.Dir))
	figure := func(what string, rate float64, unit, note string) {
		if rate > 0 {
			t.cells(what, rounded(rate)+" "+unit+note)
		}
	}
	for i, s := range r.Search {
		figure("searching a block, "+plural(s.Threads, "thread"), s.Hashes, "hashes/s", times(i, s.Hashes, r.Search[0].Hashes))
	}
	figure("making and signing messages, 1 thread", r.Signed, "messages/s", "")
	figure("checking signatures one by one, 1 thread", r.CheckedSingly, "signatures/s", "")
	figure("checking them in batches, "+plural(r.Processors, "thread"), r.CheckedBatched, "signatures/s", times(1, r.CheckedBatched, r.CheckedSingly))
	figure("SHA-256 of payloads, 1 thread", r.HashedBytes/1e6, "MB/s", "")
	figure("checking whole blocks, "+plural(r.Processors, "thread"), r.Validated, "messages/s", "")
	for i, d := range r.Durable {
		figure("writing to the disk, "+plural(d.Writers, "writer"), d.Messages, "messages/s", times(i, d.Messages, r.Durable[0].Messages))
	}
	if r.Disturbed() {
		t.line("\nSome of this got %.0f %% of the processor time that it could use: other programs are busy, or this\nmachine is a share of a busy one. Where nothing else runs the figures are higher.", 100*r.ProcessorShare)
	}
	showOutlook(t, r)
}

// showOutlook says what the figures mean for who runs a node here.
func showOutlook(t *text, r bench.Report) {
	if len(r.Outlook) > 0 {
		t.line("\nFinding blocks, if this machine were alone with it:")
	}
	for i, o := range r.Outlook {
		if i > 0 && o.Threads == r.Outlook[i-1].Threads && o.Difficulty == r.Outlook[i-1].Difficulty {
			continue
		}
		t.line("  %s at difficulty %d: a block about every %s", plural(o.Threads, "thread"), o.Difficulty, span(o.Expected))
	}
	if len(r.Outlook) > 0 {
		t.line("A network never gets easier than its difficulty; above that it follows its block interval\n(p2pchain init --difficulty, --block-interval). A node searches with 1 thread unless told otherwise.")
	}
	if len(r.Durable) > 1 {
		t.line("\nTaking messages, each on disk before its answer: some %s/s from one program that waits for\neach answer, some %s/s from many at once. Requests over HTTP cost something on top.",
			rounded(r.Durable[0].Messages), rounded(r.Durable[1].Messages))
	}
	if r.Validated > 0 {
		t.line("\nCatching up with a chain of a million messages: at least %s of checking.", span(1e6/r.Validated))
	}
}

// times compares a figure with the first one of its kind.
func times(i int, rate, first float64) string {
	if i == 0 || first <= 0 {
		return ""
	}
	return fmt.Sprintf(" (%.1f times as many)", rate/first)
}

// rounded writes a rate with three digits, since the next run will give other ones behind them.
func rounded(rate float64) string {
	if rate < 10 {
		return perSecond(rate)
	}
	unit := math.Pow(10, math.Floor(math.Log10(rate))-2)
	rate = math.Round(rate/unit) * unit
	if rate >= 1e6 {
		return strconv.FormatFloat(rate/1e6, 'g', -1, 64) + " million"
	}
	return perSecond(rate)
}

// span writes a number of seconds, short ones with a decimal.
func span(s float64) string {
	if s < 10 {
		return strconv.FormatFloat(s, 'f', 1, 64) + "s"
	}
	return seconds(s).String()
}
