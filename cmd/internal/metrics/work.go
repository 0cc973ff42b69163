package metrics

import (
	"fmt"
	"log/slog"
	"slices"

	"p2pchain/api"
	"p2pchain/cmd/internal/backup"
	"p2pchain/cmd/internal/logs"
	"p2pchain/core/miner"
)

// Pauses are the reasons for which a node pauses its miner, as labels. All of them are always shown, and
// what else there may come to be is one more: other.
func pauses() map[string]string {
	return map[string]string{
		"low disk":                      "low_disk",
		"clock differs from the peers'": "clock",
		"catching up":                   "catching_up",
	}
}

func minerTable(s *Sources) table {
	view := func() (miner.Status, bool) { return s.Miner(), true }
	return part[miner.Status]{"Mining", view, []family[miner.Status]{
		one("p2pchain_miner_hash_rate", gauge, "Tries a second while the node searches, over all threads; 0 before the first search.",
			func(v miner.Status) float64 { return v.HashRate }),
		one("p2pchain_miner_working", gauge, "Whether the node searches now: 1 or 0.",
			func(v miner.Status) float64 { return yes(v.Working) }),
		one("p2pchain_miner_threads", gauge, "Threads that search.",
			func(v miner.Status) float64 { return float64(v.Threads) }),
		{"p2pchain_miner_mode", gauge, "1 for when the node mines: while messages wait (auto), always, or never (off).", []string{"mode"},
			func(v miner.Status, out *series) {
				for _, mode := range []miner.Mode{miner.Auto, miner.Always, miner.Off} {
					out.value(yes(v.Mode == mode), string(mode))
				}
			}},
		{"p2pchain_miner_paused", gauge, "1 for each reason for which the node must not mine now.", []string{"reason"},
			func(v miner.Status, out *series) {
				other := len(v.Paused)
				for reason, label := range pauses() {
					paused := slices.Contains(v.Paused, reason)
					if paused {
						other--
					}
					out.value(yes(paused), label)
				}
				out.value(yes(other > 0), "other")
			}},
		one("p2pchain_miner_sealed_blocks_total", counter, "Blocks that this node sealed. Some may have lost against others.",
			func(v miner.Status) float64 { return float64(v.Sealed) }),
	}}
}

func chainFileTable(s *Sources) table {
	view := func() (backup.Status, bool) {
		if s.ChainFile == nil {
			return backup.Status{}, false
		}
		return s.ChainFile(), true
	}
	return part[backup.Status]{"Chain file (absent with --no-chain-file)", view, []family[backup.Status]{
		one("p2pchain_chainfile_height_blocks", gauge, "Height of the last block in the chain file. It stays behind the chain by the blocks that may still change.",
			func(v backup.Status) float64 { return float64(v.Height) }),
		one("p2pchain_chainfile_size_bytes", gauge, "Size of the chain file.",
			func(v backup.Status) float64 { return float64(v.Bytes) }),
		one("p2pchain_chainfile_failing", gauge, "Whether it could not be written the last time: 1 or 0.",
			func(v backup.Status) float64 { return yes(v.Failing) }),
		{"p2pchain_chainfile_written_time_seconds", gauge, "When the last pass over the file succeeded, in Unix time. Absent before the first.", nil,
			func(v backup.Status, out *series) {
				if !v.Written.IsZero() {
					out.value(float64(v.Written.UnixMilli()) / 1000)
				}
			}},
	}}
}

func apiTable(s *Sources) table {
	view := func() (api.Stats, bool) {
		if s.API == nil {
			return api.Stats{}, false
		}
		return s.API(), true
	}
	return part[api.Stats]{"REST API (absent with --http off)", view, []family[api.Stats]{
		{"p2pchain_api_requests_total", counter, "Requests by line of the route table, never by path, and by class of status. Route other is what no line answered; class cut are answers that broke off.", []string{"method", "route", "class"},
			func(v api.Stats, out *series) {
				for _, r := range v.Routes {
					for class, n := range r.Classes {
						if class != 1 { // no final answer has one
							out.value(float64(n), r.Method, r.Pattern, className(class))
						}
					}
				}
			}},
		{"p2pchain_api_request_duration_seconds", histogram, "How long requests took from their header to the end of the answer. Those that wait for a confirmation or stream take as long as they like.", []string{"method", "route"},
			func(v api.Stats, out *series) {
				for _, r := range v.Routes {
					out.buckets(api.DurationBuckets(), r.Took, r.Seconds, r.Method, r.Pattern)
				}
			}},
		{"p2pchain_api_running_requests", gauge, "Requests that run now: which read, stream an answer of any length, wait for a confirmation, or follow the events (event clients).", []string{"kind"},
			func(v api.Stats, out *series) {
				out.value(float64(v.Reads), "read")
				out.value(float64(v.Streams), "stream")
				out.value(float64(v.Waits), "wait")
				out.value(float64(v.Listeners), "event")
			}},
	}}
}

func className(class int) string {
	if class == 0 {
		return "cut"
	}
	return fmt.Sprintf("%dxx", class)
}

func logTable(s *Sources) table {
	view := func() (logs.Stats, bool) {
		if s.Log == nil {
			return logs.Stats{}, false
		}
		return s.Log(), true
	}
	return part[logs.Stats]{"Log", view, []family[logs.Stats]{
		{"p2pchain_log_lines_total", counter, "Log lines that were shown, by level.", []string{"level"},
			func(v logs.Stats, out *series) {
				for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
					out.value(float64(v.Shown[level]), level.String())
				}
			}},
		one("p2pchain_log_suppressed_lines_total", counter, "Log lines that came too often and were counted in one line instead.",
			func(v logs.Stats) float64 { return float64(v.Suppressed) }),
		one("p2pchain_log_dropped_lines_total", counter, "Log lines that neither the terminal nor the log file took in time.",
			func(v logs.Stats) float64 { return float64(v.Lost) }),
	}}
}
