package node

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/coretest"
)

// benchFile returns a chain file with messages of 200 bytes.
func benchFile(b *testing.B, blocks, perBlock int) string {
	b.Helper()
	n := coretest.Network(b)
	out := chainfile.AppendGenesis(nil, n)
	tip := coretest.Genesis(n)
	for i := range blocks {
		msgs := make([]*core.Message, perBlock)
		for k := range msgs {
			msgs[k] = coretest.Message(b, n, coretest.Key(0), fmt.Sprintf("%-200d", i*perBlock+k))
		}
		block := coretest.Next(b, n, tip, msgs...)
		out, tip = chainfile.AppendBlock(out, block), tip.After(block)
	}
	return string(out)
}

func benchConfig(b *testing.B) Config {
	cfg := DefaultConfig()
	cfg.Dir, cfg.Network = filepath.Join(b.TempDir(), "data"), coretest.Network(b)
	cfg.ReserveBytes, cfg.Log = 1, slog.New(slog.DiscardHandler)
	return cfg
}

// benchImport imports a file into a new directory.
func benchImport(b *testing.B, cfg Config, file string) {
	b.Helper()
	s, err := OpenStopped(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	r, err := chainfile.NewReader(strings.NewReader(file))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Import(b.Context(), Import{File: r}); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkImport takes chain files in, on a real disk, with all rules and signatures.
func BenchmarkImport(b *testing.B) {
	for _, shape := range [][2]int{{50, 1000}, {20000, 1}} {
		b.Run(fmt.Sprintf("%d messages in a block", shape[1]), func(b *testing.B) {
			file := benchFile(b, shape[0], shape[1])
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				benchImport(b, benchConfig(b), file)
			}
			b.ReportMetric(float64(b.N*shape[0]*shape[1])/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkExport gives the same files out.
func BenchmarkExport(b *testing.B) {
	for _, shape := range [][2]int{{50, 1000}, {20000, 1}} {
		b.Run(fmt.Sprintf("%d messages in a block", shape[1]), func(b *testing.B) {
			file := benchFile(b, shape[0], shape[1])
			cfg := benchConfig(b)
			benchImport(b, cfg, file)
			s, err := OpenStopped(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				r, err := s.Export("")
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(file)) {
					b.Fatal(n, err)
				}
				r.Close()
			}
			b.ReportMetric(float64(b.N*shape[0]*shape[1])/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
