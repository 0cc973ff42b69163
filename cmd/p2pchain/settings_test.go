package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingsOf parses a command line of "run" in surroundings and returns its flags and the app.
func settingsOf(t *testing.T, args []string, env map[string]string, file string) (*pflag.FlagSet, *app, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{program: "p2pchain", stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}
	a.lookupEnv = func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	root := a.rootCommand()
	var flags *pflag.FlagSet
	for _, cmd := range append(root.Commands(), root) {
		if cmd.RunE != nil {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { flags = cmd.Flags(); return nil }
		}
	}
	root.SetArgs(append([]string{"run", "--config", path}, args...))
	return flags, a, errors.Join(root.Execute(), func() error {
		if flags == nil {
			flags = root.Flags()
		}
		return nil
	}())
}

func TestSettingsOrder(t *testing.T) {
	for _, tt := range []struct {
		name         string
		args         []string
		env          map[string]string
		file         string
		flag         string
		want, origin string
	}{
		{"default", nil, nil, "", "mine", "auto", ""},
		{"file over default", nil, nil, "mine: off\n", "mine", "off", "file"},
		{"environment over file", nil, map[string]string{"P2PCHAIN_MINE": "always"}, "mine: off\n", "mine", "always", "environment"},
		{"an empty variable is none", nil, map[string]string{"P2PCHAIN_MINE": ""}, "mine: off\n", "mine", "off", "file"},
		{"flag over environment", []string{"--mine", "auto"}, map[string]string{"P2PCHAIN_MINE": "always"}, "mine: off\n", "mine", "auto", "flag"},
		{"underscores in a file", nil, nil, "mine_threads: 3\n", "mine-threads", "3", "file"},
		{"list in a file", nil, nil, "listen:\n  - /ip4/127.0.0.1/tcp/1\n  - /ip4/127.0.0.1/tcp/2\n", "listen", "/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2", "file"},
		{"list in the environment", nil, map[string]string{"P2PCHAIN_LISTEN": "/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2"}, "", "listen", "/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2", "environment"},
		{"a list is replaced, not added to", []string{"--listen", "/ip4/127.0.0.1/tcp/3"}, map[string]string{"P2PCHAIN_LISTEN": "/ip4/127.0.0.1/tcp/1"}, "", "listen", "/ip4/127.0.0.1/tcp/3", "flag"},
		{"a number keeps its digits", nil, nil, "http: 127.0.0.1:08080\n", "http", "127.0.0.1:08080", "file"},
		{"seed 1's spelling of a flag", []string{"--force_new_chain"}, nil, "", "force-new-chain", "true", "flag"},
		{"shared flags too", nil, map[string]string{"P2PCHAIN_NAME": "two"}, "", "name", "two", "environment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flags, a, err := settingsOf(t, tt.args, tt.env, tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if got := flags.Lookup(tt.flag).Value.String(); got != tt.want {
				t.Errorf("%s = %q, want %q", tt.flag, got, tt.want)
			}
			if got := a.origins[tt.flag]; !strings.HasPrefix(got.source, tt.origin) || (got == origin{}) != (tt.origin == "") {
				t.Errorf("%s comes from %q, want %q", tt.flag, got, tt.origin)
			}
		})
	}
}

func TestSettingsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		file string
		want string // in the error
	}{
		{"unknown setting", nil, "mnie: off\n", `config.yaml:1: unknown setting "mnie"; did you mean mine?`},
		{"unknown setting, far from any", nil, "\nfrobnicate: off\n", `config.yaml:2: unknown setting "frobnicate"; settings are named like the flags`},
		{"a setting of one call", nil, "help: true\n", `unknown setting "help"`},
		{"a flag of init", nil, "stamp-bits: 3\n", `unknown setting "stamp-bits"`},
		{"twice", nil, "mine: off\nmine: auto\n", "mine is set twice"},
		{"twice in two spellings", nil, "mine-threads: 1\nmine_threads: 2\n", "mine-threads is set twice"},
		{"not a mapping", nil, "- mine\n", "want lines like"},
		{"nested", nil, "mine: {mode: off}\n", "want a value or a list"},
		{"not YAML", nil, "mine: [", "configuration file"},
		{"wrong value in the file", nil, "mine: sometimes\n", "mine: invalid value"},
		{"an address to announce without a port", nil, "announce: /ip4/192.0.2.1\n", `nobody can call "/ip4/192.0.2.1": no /tcp/PORT`},
		{"all addresses to announce", nil, "announce: /ip4/0.0.0.0/tcp/22345\n", "means all addresses of a machine"},
		{"wrong value in the environment", map[string]string{"P2PCHAIN_MAX_PEERS": "many"}, "", "environment variable P2PCHAIN_MAX_PEERS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := settingsOf(t, nil, tt.env, tt.file)
			if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a usage error with %q", err, tt.want)
			}
		})
	}
}

// TestAnnounce accepts what others can call, in every form.
func TestAnnounce(t *testing.T) {
	for _, addr := range []string{
		"/ip4/192.0.2.1/tcp/22345", "/ip6/2001:db8::1/udp/22345/quic-v1", "/dns4/node.example.org/tcp/443/wss", "/dnsaddr/node.example.org",
		"/dns/node.example.org/tcp/22345/ws", "/ip4/192.0.2.1/tcp/22345/p2p/12D3KooWHBvfEoApBSx9AHb8t84Zttitw5xjQZiGbm2ckvnMzhD1",
	} {
		if err := checkAnnounce(addr); err != nil {
			t.Error(err)
		}
	}
}

func TestDataDir(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("paths of Linux")
	}
	for _, tt := range []struct {
		name   string
		shared sharedFlags
		env    map[string]string
		want   string
		err    error
	}{
		{"home", sharedFlags{}, map[string]string{"HOME": "/home/u"}, "/home/u/.local/share/p2pchain", nil},
		{"XDG", sharedFlags{}, map[string]string{"HOME": "/home/u", "XDG_DATA_HOME": "/xdg"}, "/xdg/p2pchain", nil},
		{"relative XDG is not valid", sharedFlags{}, map[string]string{"HOME": "/home/u", "XDG_DATA_HOME": "xdg"}, "/home/u/.local/share/p2pchain", nil},
		{"named", sharedFlags{name: "two"}, map[string]string{"HOME": "/home/u"}, "/home/u/.local/share/p2pchain/two", nil},
		{"set", sharedFlags{dataDir: "/data"}, nil, "/data", nil},
		{"set and named", sharedFlags{dataDir: "/data", name: "two"}, nil, "/data/two", nil},
		{"no home", sharedFlags{}, nil, "", errUsage},
		{"a name that leaves the folder", sharedFlags{dataDir: "/data", name: "../x"}, nil, "", errUsage},
		{"a name that is ours", sharedFlags{dataDir: "/data", name: "store"}, nil, "", errUsage},
		{"that of the introducer, for its invite", sharedFlags{dataDir: "/data", name: "bootstrap"}, nil, "/data/bootstrap", nil},
		{"that of the anchors", sharedFlags{dataDir: "/data", name: "anchors"}, nil, "", errUsage},
		{"ours where case does not count", sharedFlags{dataDir: "/data", name: "Spool"}, nil, "", errUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &app{shared: tt.shared, lookupEnv: func(name string) (string, bool) { value, ok := tt.env[name]; return value, ok }}
			got, err := a.dataDir()
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("dataDir = %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestFindNode looks for a node in every way; the token of the data folder is for its own node alone.
func TestFindNode(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"api.json": `{"url":"http://127.0.0.1:5"}`, "api.token": "secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name    string
		set     string // flags that the user chose
		flags   clientFlags
		address string
		token   string
		err     error
	}{
		{"by the data folder", "", clientFlags{}, "http://127.0.0.1:5", "secret", nil},
		{"by address", "api", clientFlags{api: "http://192.0.2.1:80"}, "http://192.0.2.1:80", "", nil},
		{"seed 1's host", "host", clientFlags{host: "example.org"}, "http://example.org:12345", "", nil},
		{"seed 1's port", "port", clientFlags{port: 7}, "http://127.0.0.1:7", "", nil},
		{"IPv6", "host port", clientFlags{host: "::1", port: 7}, "http://[::1]:7", "", nil},
		{"two ways at once", "api port", clientFlags{api: "http://192.0.2.1:80", port: 7}, "", "", errUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &app{shared: sharedFlags{dataDir: dir}, origins: make(map[string]origin)}
			for _, flag := range strings.Fields(tt.set) {
				a.origins[flag] = origin{source: sourceFlag}
			}
			found, err := a.findNode(&tt.flags)
			if found.url != tt.address || found.token != tt.token || !errors.Is(err, tt.err) {
				t.Errorf("findNode = %q, %q, %v, want %q, %q, %v", found.url, found.token, err, tt.address, tt.token, tt.err)
			}
		})
	}
}

func TestRewriteSeedFlags(t *testing.T) {
	const id = "12D3KooWGRUacXcJv9Yd3jDzZdTfEYeUkWSEKiZZcCQkHY3uRnBq"
	for _, tt := range []struct {
		name, args, want, err string
	}{
		{"nothing", "--mine off", "--mine off", ""},
		{"a port", "-p 5000", "--listen /ip4/0.0.0.0/tcp/5000 --http 127.0.0.1:5001", ""},
		{"join", "-pid " + id + " -pport 5000 -p 6000",
			"--listen /ip4/0.0.0.0/tcp/6000 --http 127.0.0.1:6001 --bootstrap /ip4/127.0.0.1/tcp/5000/p2p/" + id, ""},
		{"with =", "-p=5000", "--listen /ip4/0.0.0.0/tcp/5000 --http 127.0.0.1:5001", ""},
		{"after run", "run -p 5000", "run --listen /ip4/0.0.0.0/tcp/5000 --http 127.0.0.1:5001", ""},
		{"text of another command", "add -p 5000", "add -p 5000", ""},
		{"behind --", "--mine off -- -p", "--mine off -- -p", ""},
		{"no value", "-p", "", "-p needs a value"},
		{"no port", "-p many", "", "want a port"},
		{"no room for HTTP", "-p 65535", "", "want a port"},
		{"half of a peer", "-pid x", "", "belong together"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rewriteSeedFlags(strings.Fields(tt.args))
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("= %q\nwant %q", strings.Join(got, " "), tt.want)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain äöü €":           "plain äöü €",
		"two\nlines\tand a tab": `two\nlines\tand a tab`,
		"\x1b[2Jcleared":        `\u001b[2Jcleared`,
		"turned \u202eround":    `turned \u202eround`,
		"not UTF-8: \xff":       `not UTF-8: \xff`,
		"replacement \ufffd":    "replacement \ufffd",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"plain/path.x": "plain/path.x",
		"":             "''",
		"two words":    "'two words'",
		"it's":         `'it'\''s'`,
		"$HOME":        "'$HOME'",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}
