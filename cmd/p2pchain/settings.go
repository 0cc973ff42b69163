package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

const (
	envPrefix = "P2PCHAIN_"
	// ownFlags marks a command whose flags share names with settings of a node and mean something
	// else: "init --network" makes a network.
	ownFlags = "own-flags"
)

// envName returns the environment variable that stands for a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// commandLineOnly lists flags that neither environment nor file may set: they ask something of one
// call, or say where the file is.
func commandLineOnly() []string { return []string{"help", "config", "version"} }

// loadSettings fills every flag that the command line left alone: from the environment, else from
// the configuration file, else its default stays.
func (a *app) loadSettings(cmd *cobra.Command) error {
	a.origins = make(map[string]string)
	_, own := cmd.Annotations[ownFlags]
	file, values, err := a.readConfigFile(cmd)
	if err != nil {
		return err
	}
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch env := envName(f.Name); {
		case f.Changed:
			if f.Value.String() == "" { // perhaps an unset variable of a script
				errs = append(errs, usagef("--%s has an empty value; leave the flag away for its default", f.Name))
			}
			a.origins[f.Name] = "flag"
		case slices.Contains(commandLineOnly(), f.Name), own && cmd.LocalNonPersistentFlags().Lookup(f.Name) != nil:
		default:
			value, ok := a.lookupEnv(env)
			origin := "environment variable " + env
			if !ok || value == "" { // an empty variable is how many programs unset one
				value, ok = values[f.Name]
				origin = "file " + file
			}
			if !ok {
				return
			}
			if err := f.Value.Set(value); err != nil {
				errs = append(errs, usagef("%s: %s: invalid value %q: %w", origin, f.Name, value, err))
			}
			a.origins[f.Name] = origin
		}
	})
	return errors.Join(errs...)
}

// isSet reports whether the user chose a flag's value in any way.
func (a *app) isSet(flag string) bool { return a.origins[flag] != "" }

// readConfigFile returns the path and the values of the configuration file: that of --config, which
// must exist, or the one in the user's configuration folder, which need not.
func (a *app) readConfigFile(cmd *cobra.Command) (string, map[string]string, error) {
	path, asked := a.shared.config, true
	if path == "" {
		path, _ = a.lookupEnv(envName("config"))
		asked = path != ""
	}
	if !asked {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", nil, nil // no home: nothing to read, which is no error
		}
		path = filepath.Join(dir, "p2pchain", "config.yaml")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, usagef("reading the configuration file: %w", err)
	}
	values, err := parseConfig(text)
	if err != nil {
		return "", nil, usagef("configuration file %s: %w", path, err)
	}
	for key := range values {
		if !knownSetting(cmd.Root(), key) {
			return "", nil, usagef("configuration file %s: unknown setting %q; settings are named like the flags of 'p2pchain run'", path, key)
		}
	}
	return path, values, nil
}

// parseConfig reads a YAML mapping of settings. Values stay as they are written, so that a flag
// judges them exactly as it would on the command line; lists become comma-separated.
func parseConfig(text []byte) (map[string]string, error) {
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
	values := make(map[string]string)
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key := strings.ReplaceAll(mapping.Content[i].Value, "_", "-")
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d: %s is set twice", mapping.Content[i].Line, key)
		}
		value, err := configValue(mapping.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", mapping.Content[i+1].Line, key, err)
		}
		values[key] = value
	}
	return values, nil
}

// configValue returns a scalar as it is written, or a list of scalars joined by commas.
func configValue(n *yaml.Node) (string, error) {
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

// knownSetting reports whether any command has a flag of this name that a file may set. A file may
// thus serve nodes and clients alike.
func knownSetting(cmd *cobra.Command, key string) bool {
	if _, own := cmd.Annotations[ownFlags]; own || slices.Contains(commandLineOnly(), key) {
		return false
	}
	if cmd.PersistentFlags().Lookup(key) != nil || cmd.Flags().Lookup(key) != nil {
		return true
	}
	return slices.ContainsFunc(cmd.Commands(), func(c *cobra.Command) bool { return knownSetting(c, key) })
}

// dataDir returns the data directory that the shared flags name.
func (a *app) dataDir() (string, error) {
	dir := a.shared.dataDir
	if dir == "" {
		base, err := a.userDataDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(base, "p2pchain")
	}
	if a.shared.name != "" {
		if err := checkName(a.shared.name); err != nil {
			return "", usagef("--name: %w", err)
		}
		dir = filepath.Join(dir, a.shared.name)
	}
	return filepath.Abs(dir)
}

// checkName accepts names that are a folder of their own everywhere.
func checkName(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if len(name) > 64 || strings.Trim(name, allowed) != "" || name == "store" {
		return fmt.Errorf("%q: want at most 64 letters, digits, - and _, and not \"store\"", name)
	}
	return nil
}

// userDataDir returns where programs of this user keep their data.
func (a *app) userDataDir() (string, error) {
	env := func(name string) string { value, _ := a.lookupEnv(name); return value }
	switch home := env("HOME"); {
	case runtime.GOOS == "windows" && env("LocalAppData") != "":
		return env("LocalAppData"), nil
	case runtime.GOOS == "darwin" && home != "":
		return filepath.Join(home, "Library", "Application Support"), nil
	case filepath.IsAbs(env("XDG_DATA_HOME")):
		return env("XDG_DATA_HOME"), nil
	case home != "":
		return filepath.Join(home, ".local", "share"), nil
	}
	return "", usagef("there is no home directory: say where to keep data with --data-dir")
}
