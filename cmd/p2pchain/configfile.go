package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// A configFile is what a configuration file says.
type configFile struct {
	path   string // empty where there is none
	values map[string]configValue
}

// A configValue is a value as it is written, and where.
type configValue struct {
	text string
	line int
}

// configPath returns where the configuration file is, and whether somebody said so: then it must be
// there. Without a home folder there is none.
func (a *app) configPath() (path string, asked bool) {
	if a.shared.config != "" {
		return a.shared.config, true
	}
	if path, _ := a.lookupEnv(envName("config")); path != "" {
		return path, true
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", false
	}
	return filepath.Join(dir, "p2pchain", "config.yaml"), false
}

// readConfigFile reads the configuration file: that of --config, which must exist, or the one in the
// user's configuration folder, which need not.
func (a *app) readConfigFile(cmd *cobra.Command) (configFile, error) {
	path, asked := a.configPath()
	if path == "" {
		return configFile{}, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return configFile{}, nil
	}
	if err != nil {
		return configFile{}, usagef("reading the configuration file: %w", err)
	}
	values, err := parseConfig(text)
	if err != nil {
		return configFile{}, usagef("configuration file %s: %w", path, err)
	}
	known := knownSettings(cmd.Root())
	var errs []error
	for key, value := range values {
		if !slices.Contains(known, key) {
			errs = append(errs, usagef("configuration file %s:%d: unknown setting %q; %s", path, value.line, key, meant(key, known)))
		}
	}
	slices.SortFunc(errs, func(x, y error) int { return strings.Compare(x.Error(), y.Error()) })
	return configFile{path, values}, errors.Join(errs...)
}

// meant says what is right in place of an unknown setting.
func meant(key string, known []string) string {
	if name := nearestFlag(key, known); name != "" {
		return fmt.Sprintf("did you mean %s?", name)
	}
	return "settings are named like the flags of 'p2pchain run'; 'p2pchain config show' lists them"
}

// parseConfig reads a YAML mapping of settings. Values stay as they are written, so that a flag
// judges them exactly as it would on the command line; lists become comma-separated.
func parseConfig(text []byte) (map[string]configValue, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	mapping := doc.Content[0]
	if mapping.Kind != yaml.MappingNode {
		return nil, errors.New("want lines like \"mine: auto\"")
	}
	values := make(map[string]configValue)
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name := mapping.Content[i]
		key := strings.ReplaceAll(name.Value, "_", "-")
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d: %s is set twice", name.Line, key)
		}
		value, err := scalarOf(mapping.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", mapping.Content[i+1].Line, key, err)
		}
		values[key] = configValue{value, name.Line}
	}
	return values, nil
}

// scalarOf returns a scalar as it is written, or a list of scalars joined by commas.
func scalarOf(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errors.New("a list may hold plain values only")
			}
			items[i] = item.Value
		}
		return strings.Join(items, ","), nil
	}
	return "", errors.New("want a value or a list of values")
}

// knownSettings returns the names of all flags, of any command, that a file may set, sorted. A file may
// thus serve nodes and clients alike.
func knownSettings(root *cobra.Command) []string {
	var names []string
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		add := func(f *pflag.Flag) {
			if !slices.Contains(commandLineOnly(), f.Name) {
				names = append(names, f.Name)
			}
		}
		if _, own := cmd.Annotations[ownFlags]; !own {
			cmd.PersistentFlags().VisitAll(add)
			cmd.LocalNonPersistentFlags().VisitAll(add)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	slices.Sort(names)
	return slices.Compact(names)
}
