package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBill(t *testing.T) {
	info := &buildinfo.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "p2pchain", Version: "(devel)"},
		Settings:  []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-ldflags", Value: "-X main.version=secret"}},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v1.2.3", Sum: "h1:" + strings.Repeat("AAAA", 10) + "AAA="},
			{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v2.0.0"}},
		},
	}
	d := bill(info)
	if got := d.Metadata.Component; got.Name != "p2pchain" || len(got.Properties) != 1 || got.Properties[0].Value != "linux" {
		t.Errorf("the program is %+v", got)
	}
	var got []string
	for _, c := range d.Components {
		got = append(got, c.PURL)
	}
	want := "pkg:golang/std@1.26.8 pkg:golang/example.org/a@v1.2.3 pkg:golang/example.org/new@v2.0.0"
	if strings.Join(got, " ") != want {
		t.Errorf("components are %q, want %q", got, want)
	}
	if sum := d.Components[1].Hashes; len(sum) != 1 || sum[0].Content != strings.Repeat("00", 32) {
		t.Errorf("the hash of a is %+v", sum)
	}
}

// TestSBOM reads the program that runs: this test.
func TestSBOM(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := sbom([]string{program}, &printed); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "bill.json")
	if err := sbom([]string{program, out}, io.Discard); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(written, &d); err != nil || d.Format != "CycloneDX" || len(d.Components) == 0 {
		t.Errorf("written was %s (%v)", written, err)
	}
	if !bytes.Equal(written, printed.Bytes()) {
		t.Error("two bills of one program differ")
	}
	if err := sbom([]string{filepath.Join(t.TempDir(), "none")}, io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the bill of no file: %v", err)
	}
}
