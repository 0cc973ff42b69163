package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/doctor"
	"p2pchain/cmd/internal/node"
)

// errFindings means that the doctor found something that has to be put right.
var errFindings = errors.New("something has to be put right")

// doctorCommand is "doctor".
func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Find out what keeps a node from working, and what to do about it",
		GroupID: groupTools,
		Long: `Looks at all that a node needs, whether it runs or not: its data folder and files, disk
and store, ports, clock, multicast on every interface, firewall, the nodes to join and
their network. It says what it found, why that matters, and what to do.

Give it the flags with which the node is started, if any. It changes nothing; of a node
that does not run it opens the store for a moment. It ends with 18 if there is a
problem; notes and warnings do not count.`,
		Example: `  p2pchain doctor
  p2pchain doctor --bootstrap http://192.168.1.20:12345      # can I join that node?
  p2pchain doctor --json | jq '.findings[] | select(.level == "problem")'`,
		Args: takes(0, 0),
	}
	f := a.newRunFlags(cmd)
	verbose := cmd.Flags().Bool("all", false, "show what is as it should be, too, where not everything is")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.doctorConfig(cmd, f)
		if err != nil {
			return err
		}
		return a.doctor(cmd.Context(), cfg, *verbose)
	}
	return cmd
}

// doctorConfig returns what a node with these settings would be. What is wrong with its network is a
// finding and no mistake of the command line.
func (a *app) doctorConfig(cmd *cobra.Command, f *runFlags) (doctor.Config, error) {
	dir, err := a.dataDir()
	if err != nil {
		return doctor.Config{}, err
	}
	if err := a.applySeedFlags(f); err != nil {
		return doctor.Config{}, err
	}
	want, err := a.networkChoice(f)
	if err != nil {
		return doctor.Config{}, err
	}
	cfg := doctor.Config{
		Dir: dir, Listen: f.listen.items, Seeds: f.bootstrap.items, MDNS: !f.noMDNS, DHT: f.dht,
		Reserve: node.DefaultConfig().ReserveBytes, Stray: a.strayVariables(cmd), Version: programVersion(), Now: time.Now,
	}
	cfg.Network, cfg.NetworkErr = node.FindNetwork(dir, want)
	if a.isSet("http") || a.isSet("host") || a.isSet("port") {
		cfg.HTTP = f.http.value
	}
	return cfg, nil
}

// A diagnosis is the answer of "doctor".
type diagnosis struct {
	OK       bool             `json:"ok"` // there is no problem
	Findings []doctor.Finding `json:"findings"`
}

func (a *app) doctor(ctx context.Context, cfg doctor.Config, all bool) error {
	stop := a.waiting("looking at the node, the disk and the network")
	d := diagnosis{Findings: doctor.Run(ctx, cfg)}
	stop()
	if err := ctx.Err(); err != nil {
		return err
	}
	worst := doctor.Worst(d.Findings)
	d.OK = worst != doctor.Problem
	shown := d.Findings
	if !all && worst != doctor.OK && worst != doctor.Note {
		shown = notFine(shown)
	}
	err := a.print(d, func(t *text) { showFindings(t, shown, worst) })
	if err == nil && !d.OK {
		err = errFindings
	}
	return err
}

// notFine leaves out what is as it should be, so that the rest is seen.
func notFine(all []doctor.Finding) []doctor.Finding {
	var rest []doctor.Finding
	for _, f := range all {
		if f.Level != doctor.OK {
			rest = append(rest, f)
		}
	}
	return rest
}

func showFindings(t *text, found []doctor.Finding, worst doctor.Level) {
	for _, f := range found {
		t.cells(f.Level, f.Check, printable(f.What))
		if f.Why != "" {
			t.cells("", "", "why: "+printable(f.Why))
		}
		if f.Do != "" {
			t.cells("", "", "do:  "+printable(f.Do))
		}
	}
	if worst == doctor.OK || worst == doctor.Note {
		t.line("\nnothing is wrong")
	}
}

// waiting says on a terminal what a command is at, until the returned function is called.
func (a *app) waiting(what string) (stop func()) {
	if a.shared.json || !a.isLive(a.stderr) {
		return func() {}
	}
	fmt.Fprint(a.stderr, what+" …")
	return func() { fmt.Fprint(a.stderr, clearLine) }
}
