package main

import (
	"bytes"
	"testing"
	"time"
)

func TestMeterLine(t *testing.T) {
	for _, tt := range []struct {
		name             string
		first, done, all uint64
		bytes            int64
		took             time.Duration
		want             string
	}{
		{"half", 0, 50, 100, 20e6, 10 * time.Second, "[#####-----]  50%  50 blocks  2.0 MB/s  10s left"},
		{"continued", 40, 50, 100, 20e6, 10 * time.Second, "[#####-----]  50%  50 blocks  2.0 MB/s  50s left"},
		{"all", 0, 100, 100, 20e6, 10 * time.Second, "[##########] 100%  50 blocks  2.0 MB/s"},
		{"more than all", 0, 101, 100, 20e6, 10 * time.Second, "[##########] 100%  50 blocks  2.0 MB/s"},
		{"unknown length", 0, 50, 0, 20e6, 10 * time.Second, "50 blocks  2.0 MB/s"},
		{"no time yet", 0, 0, 100, 0, 0, "[----------]   0%  50 blocks"},
	} {
		if got := meterLine(tt.first, tt.done, tt.all, tt.bytes, "50 blocks", tt.took); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestMeterIsQuiet holds that only terminals get progress.
func TestMeterIsQuiet(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out, lookupEnv: func(string) (string, bool) { return "", false }}
	m := a.newMeter(0)
	m.show(1, 2, 3, "blocks")
	m.end()
	if out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
	m = &meter{live: &liveLine{w: &out}, began: time.Now()}
	m.show(1, 2, 3, "blocks")
	m.show(2, 2, 3, "blocks") // too soon
	m.end()
	if got := bytes.Count(out.Bytes(), []byte(clearLine)); got != 2 {
		t.Errorf("%d lines in %q, want one and its end", got, out.String())
	}
}
