package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../../.."

// targets returns the platforms of .ci/cross, as goreleaser names them.
func targets(t *testing.T) []string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(root, ".ci/cross"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`targets=\((.*)\)`).FindSubmatch(script)
	if list == nil {
		t.Fatal(".ci/cross has no list of targets")
	}
	return strings.Fields(string(list[1]))
}

// TestTargets compares the two lists of platforms.
func TestTargets(t *testing.T) {
	c, err := readConfiguration(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := targets(t); len(want) == 0 || !slices.Equal(c.Builds[0].Targets, want) {
		t.Errorf(".goreleaser.yaml builds for %q, .ci/cross for %q", c.Builds[0].Targets, want)
	}
}

// TestContents looks for every file of the package, but for those that are made on the way.
func TestContents(t *testing.T) {
	var text bytes.Buffer
	if err := nfpm([]string{"--from", filepath.Join(root, ".goreleaser.yaml"), "--version", "1.2.3", "--arch", "arm7", "--binary", "LICENSE"}, &text); err != nil {
		t.Fatal(err)
	}
	var p struct {
		Name, Arch, Version, Maintainer string
		Contents                        []struct{ Src, Dst, Type string }
		Scripts                         map[string]string
		Overrides                       map[string]struct{ Depends []string }
	}
	if err := yaml.Unmarshal(text.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Name != "p2pchain" || p.Arch != "arm7" || p.Version != "1.2.3" || strings.Contains(p.Maintainer, "{{") {
		t.Errorf("the package is %+v", p)
	}
	for _, format := range []string{"deb", "rpm"} {
		if len(p.Overrides[format].Depends) == 0 {
			t.Errorf("the %s depends on nothing that its scripts need", format)
		}
	}
	for _, c := range p.Contents {
		if _, err := os.Stat(filepath.Join(root, c.Src)); c.Type != "dir" && err != nil && !strings.HasPrefix(c.Src, "out/extras/") {
			t.Error(err)
		}
		if !strings.HasPrefix(c.Dst, "/usr/") && !strings.HasPrefix(c.Dst+"/", "/etc/p2pchain/") {
			t.Errorf("%s goes to %s", c.Src, c.Dst)
		}
	}
	for _, script := range p.Scripts {
		if info, err := os.Stat(filepath.Join(root, script)); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s: %v, or not to be run", script, err)
		}
	}
	if err := run([]string{"nfpm", "--arch", "amd64"}, io.Discard); !errors.Is(err, errUsage) {
		t.Errorf("without a version: %v", err)
	}
}

// TestUnit holds the unit to the programs and pages that it speaks of.
func TestUnit(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	unit, codes, manual := read("deploy/systemd/p2pchain.service"), read("docs/exit-codes.md"), read("docs/cli.md")

	prevent := regexp.MustCompile(`(?m)^RestartPreventExitStatus=(.*)$`).FindStringSubmatch(unit)
	if prevent == nil {
		t.Fatal("the unit starts a node again, whatever it ended of")
	}
	for _, code := range strings.Fields(prevent[1]) {
		if code == "2" {
			t.Error("Go ends with 2 after a panic and on the watchdog's SIGABRT: such a node must start anew")
		}
		if _, err := strconv.Atoi(code); err != nil || !strings.Contains(codes, "\n| "+code+" |") {
			t.Errorf("exit code %s has no row in the table", code)
		}
	}
	for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(regexp.MustCompile(`(?m)^ExecStart=.*$`).FindString(unit), -1) {
		if !strings.Contains(manual, flag) {
			t.Errorf("the unit's %s is no flag", flag)
		}
	}
	var settings map[string]any
	if err := yaml.Unmarshal([]byte(read("deploy/packages/config.yaml")), &settings); err != nil {
		t.Fatal(err)
	}
	for name := range settings {
		if !strings.Contains(manual, "--"+name+" ") {
			t.Errorf("the packaged %s is no setting", name)
		}
	}
}
