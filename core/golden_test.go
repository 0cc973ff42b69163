package core_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"p2pchain/core/coretest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// golden is coretest.Golden with our flag.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	coretest.Golden(t, name, got, *update)
}

// goldenJSON is golden for the indented JSON of a value.
func goldenJSON(t *testing.T, name string, v any) {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	golden(t, name, buf.Bytes())
}

// readGolden reads a JSON file of testdata.
func readGolden(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
