package main

import (
	"strings"
	"time"

	"p2pchain/api"
	"p2pchain/cmd/internal/node"
)

// greetPatience is how long a start waits for whoever reads the greeting.
const greetPatience = time.Second

// A greeting is the first output of a node: who it is, and how others reach it.
type greeting struct {
	ID        string   `json:"id"`
	Network   string   `json:"network"`
	NetworkID string   `json:"network_id"`
	DataDir   string   `json:"data_dir"`
	API       string   `json:"api,omitempty"`
	Listen    []string `json:"listen"`
	Invite    string   `json:"invite,omitempty"`
	Join      string   `json:"join,omitempty"` // the command with which another node joins
}

// greet says who a node is: to a person on standard error, to a program as JSON on standard output.
// Whoever does not take it in time, as a stopped reader of a pipe, does not hold up the node.
func (a *app) greet(n *node.Node) error {
	said := make(chan error, 1)
	go func() { said <- a.sayWho(n) }()
	patience := time.NewTimer(greetPatience)
	defer patience.Stop()
	select {
	case err := <-said:
		return err
	case <-patience.C:
		return nil
	}
}

// sayWho writes the greeting.
func (a *app) sayWho(n *node.Node) error {
	g := greeting{ID: n.ID(), Network: n.Network().Params.Name, NetworkID: n.Network().ID(), DataDir: n.Dir(), API: n.SharedAPI(), Listen: n.Addrs()}
	invite, noInvite := n.Invite()
	if noInvite == nil {
		g.Invite, g.Join = invite.Invite, a.command(a.joinArgs(invite)...)
	}
	if a.shared.json {
		return a.printJSON(g)
	}
	t := newText(a.stderr)
	t.row("node", g.ID)
	t.row("network", n.Network())
	t.row("data", g.DataDir)
	if g.API != "" {
		t.row("API", g.API)
	} else {
		t.row("API", "off")
	}
	t.addresses("listening", g.Listen)
	for _, note := range n.Notes() {
		t.row("note", note)
	}
	t.line("")
	if g.Join != "" {
		t.line("%s joins with\n  %s", joiner(invite), g.Join)
	}
	if g.API != "" {
		what := "a message"
		if n.IsEmpty() {
			what = "the first message"
		}
		t.line("add %s with\n  %s", what, a.command(append([]string{"add", "hello"}, a.whichNode()...)...))
	}
	if page := n.API(); strings.HasPrefix(page, "http") {
		t.line("see it in a browser at\n  %s/", page)
	}
	t.line("")
	_ = t.w.Flush() // that nobody reads it is no reason not to run
	return nil
}

// joinArgs returns the arguments with which another node joins. One on this machine needs a name that
// is not ours.
func (a *app) joinArgs(i api.Invite) []string {
	if !i.LocalOnly {
		return []string{"join", i.Invite}
	}
	name := "two"
	if a.shared.name == name {
		name = "three"
	}
	return []string{"join", "--name", name, i.Invite}
}

// joiner says who can use an invite.
func joiner(i api.Invite) string {
	if i.LocalOnly {
		return "another node on this machine"
	}
	return "another machine"
}

// command returns a command line of this program, quoted for a shell.
func (a *app) command(args ...string) string {
	quoted := make([]string, 0, len(args)+1)
	for _, arg := range append([]string{a.program}, args...) {
		quoted = append(quoted, shellQuote(arg))
	}
	return strings.Join(quoted, " ")
}

// whichNode returns the flags with which a command finds the node of this run.
func (a *app) whichNode() []string {
	var flags []string
	if a.shared.dataDir != "" {
		flags = append(flags, "--data-dir", a.shared.dataDir)
	}
	if a.shared.name != "" {
		flags = append(flags, "--name", a.shared.name)
	}
	return flags
}

// shellQuote returns a word that a POSIX shell reads as s.
func shellQuote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
