package main

import (
	"strings"
	"testing"
)

// FuzzParseConfig reads any bytes as a configuration file: no panic, and no key without a flag's form.
func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{"", "mine: off\n", "listen: [a, b]\n", "a: &x 1\nb: *x\n", "? [a]\n: b\n", "- 1\n", "a: {b: c}\n", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseConfig(text)
		if err != nil && values != nil {
			t.Errorf("values %v with the error %v", values, err)
		}
		for key := range values {
			if strings.Contains(key, "_") {
				t.Errorf("key %q is not spelled like a flag", key)
			}
		}
	})
}

// FuzzRewriteSeedFlags rewrites any command line: none of seed 2's flags stay behind, and a command
// line without them is not touched.
func FuzzRewriteSeedFlags(f *testing.F) {
	for _, seed := range []string{"", "-p\x005000", "-pid\x00x\x00-pport\x001", "run\x00-p=1", "add\x00-p", "--\x00-p"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00")
		got, err := rewriteSeedFlags(args)
		if err != nil {
			return
		}
		seeds := args[0] == "run" || strings.HasPrefix(args[0], "-")
		changed := strings.Join(got, "\x00") != line
		if !seeds && changed {
			t.Errorf("%q became %q", args, got)
		}
		for _, arg := range got {
			if arg == "--" {
				break
			}
			if name, _, _ := strings.Cut(arg, "="); seeds && (name == "-p" || name == "-pid" || name == "-pport") {
				t.Errorf("%q stays in %q", arg, got)
			}
		}
	})
}
