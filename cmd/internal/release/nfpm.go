package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// A configuration is the part of .goreleaser.yaml that is read here.
type configuration struct {
	Builds []struct {
		Targets []string `yaml:"targets"`
	} `yaml:"builds"`
	Packages []map[string]any `yaml:"nfpms"`
}

// readConfiguration reads the description of a release.
func readConfiguration(path string) (configuration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return configuration{}, err
	}
	var c configuration
	if err := yaml.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if len(c.Packages) != 1 {
		return c, fmt.Errorf("%s describes %d packages, not one", path, len(c.Packages))
	}
	return c, nil
}

// nfpm writes the configuration with which nfpm alone builds the package that .goreleaser.yaml describes.
// So there is one description, and packages can be tried without goreleaser.
func nfpm(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("nfpm", flag.ContinueOnError)
	from := flags.String("from", ".goreleaser.yaml", "the description")
	version := flags.String("version", "", "version of the package")
	arch := flags.String("arch", "", "architecture in goreleaser's words, like amd64 or arm7")
	binary := flags.String("binary", "", "the program")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *version == "" || *arch == "" || *binary == "" || flags.NArg() > 0 {
		return errUsage
	}
	c, err := readConfiguration(*from)
	if err != nil {
		return err
	}
	p := c.Packages[0]
	for _, key := range []string{"formats", "file_name_template", "mtime"} { // goreleaser's own
		delete(p, key)
	}
	rename(p, "dependencies", "depends")
	overrides, _ := p["overrides"].(map[string]any)
	for _, format := range overrides {
		if o, ok := format.(map[string]any); ok {
			rename(o, "dependencies", "depends")
		}
	}
	maintainer, _ := p["maintainer"].(string)
	if p["maintainer"], err = expand(maintainer); err != nil {
		return err
	}
	contents, _ := p["contents"].([]any)
	p["contents"] = append(contents, map[string]any{
		"src": *binary, "dst": "/usr/bin/p2pchain", "file_info": map[string]any{"mode": 0o755},
	})
	p["name"], p["platform"], p["arch"] = "p2pchain", "linux", *arch
	p["version"], p["version_schema"] = *version, "none" // no guesses: it is one already
	return yaml.NewEncoder(stdout).Encode(p)
}

// rename gives a setting that goreleaser calls otherwise nfpm's name.
func rename(settings map[string]any, from, to string) {
	if value, ok := settings[from]; ok {
		delete(settings, from)
		settings[to] = value
	}
}

// expand expands the one function that the description uses.
func expand(text string) (string, error) {
	env := func(name, otherwise string) string {
		if value := os.Getenv(name); value != "" {
			return value
		}
		return otherwise
	}
	t, err := template.New("").Funcs(template.FuncMap{"envOrDefault": env}).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, nil)
	return out.String(), err
}
