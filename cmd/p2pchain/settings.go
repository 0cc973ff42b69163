package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	envPrefix = "P2PCHAIN_"
	// ownFlags marks a command whose flags share names with settings of a node and mean something
	// else: "init --network" makes a network.
	ownFlags = "own-flags"
	// noSettings marks a command that reads neither environment nor configuration file.
	noSettings = "no-settings"
	// noConfigFile marks a command that reads no configuration file.
	noConfigFile = "no-config-file"
)

// envName returns the environment variable that stands for a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// commandLineOnly lists flags that neither environment nor file may set: they ask something of one
// call, or say where the file is.
func commandLineOnly() []string { return []string{"help", "config", "version"} }

// The sources of a setting's value, the strongest first.
const (
	sourceFlag    = "flag"
	sourceEnv     = "environment"
	sourceFile    = "file"
	sourceDefault = "default"
)

// An origin says where the value of a setting comes from. The zero value is a default.
type origin struct {
	source string
	where  string // the variable, or the file and its line
}

// String says it in words.
func (o origin) String() string {
	switch o.source {
	case "":
		return sourceDefault
	case sourceEnv:
		return "environment variable " + o.where
	case sourceFile:
		return "file " + o.where
	}
	return o.source
}

// loadSettings fills every flag that the command line left alone: from the environment, else from
// the configuration file, else its default stays. A command that reads no settings is left alone.
func (a *app) loadSettings(cmd *cobra.Command) error {
	a.origins = make(map[string]origin)
	if readsNoSettings(cmd) {
		return nil
	}
	_, own := cmd.Annotations[ownFlags]
	var file configFile
	if _, none := cmd.Annotations[noConfigFile]; !none {
		var err error
		if file, err = a.readConfigFile(cmd); err != nil {
			return err
		}
	}
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Changed:
			if f.Value.String() == "" { // perhaps an unset variable of a script
				errs = append(errs, usagef("--%s has an empty value; leave the flag away for its default", f.Name))
			}
			a.origins[f.Name] = origin{source: sourceFlag}
		case slices.Contains(commandLineOnly(), f.Name), own && cmd.LocalNonPersistentFlags().Lookup(f.Name) != nil:
		default:
			value, from := a.outside(f.Name, file)
			if from == (origin{}) {
				return
			}
			if err := f.Value.Set(value); err != nil {
				errs = append(errs, usagef("%s: %s: invalid value %q: %w", from, f.Name, value, err))
			}
			a.origins[f.Name] = from
		}
	})
	return errors.Join(errs...)
}

// outside returns what the environment, or else the configuration file, says of a setting.
func (a *app) outside(name string, file configFile) (string, origin) {
	if value, ok := a.lookupEnv(envName(name)); ok && value != "" { // an empty variable is how many programs unset one
		return value, origin{sourceEnv, envName(name)}
	}
	if value, ok := file.values[name]; ok {
		return value.text, origin{sourceFile, fmt.Sprintf("%s:%d", file.path, value.line)}
	}
	return "", origin{}
}

// isSet reports whether the user chose a flag's value in any way.
func (a *app) isSet(flag string) bool { return a.origins[flag] != (origin{}) }

// readsNoSettings reports whether a command works whatever the environment and the configuration file
// say: a broken file must not keep anybody from reading.
func readsNoSettings(cmd *cobra.Command) bool {
	_, none := cmd.Annotations[noSettings]
	return none || cmd.Name() == cobra.ShellCompRequestCmd || cmd.Name() == cobra.ShellCompNoDescRequestCmd
}

// dataDir returns the data directory that the shared flags name.
func (a *app) dataDir() (string, error) { return a.dataDirOf(a.shared.name) }

// dataDirOf returns the data directory of a node of another name; the empty one is that without --name.
func (a *app) dataDirOf(name string) (string, error) {
	dir := a.shared.dataDir
	if dir == "" {
		base, err := a.userDataDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(base, "p2pchain")
	}
	if name != "" {
		if err := checkName(name); err != nil {
			return "", usagef("--name: %w", err)
		}
		dir = filepath.Join(dir, name)
	}
	return filepath.Abs(dir)
}

// checkName accepts names that are a folder of their own everywhere.
func checkName(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	taken := []string{"store", spoolFolder, anchorFolder} // by a node and what runs beside it; "bootstrap" names the introducer
	if len(name) > 64 || strings.Trim(name, allowed) != "" || slices.ContainsFunc(taken, func(t string) bool { return strings.EqualFold(t, name) }) {
		return fmt.Errorf("%q: want at most 64 letters, digits, - and _, and none of %s", name, strings.Join(taken, ", "))
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
