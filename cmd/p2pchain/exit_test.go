package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
	"p2pchain/core/store"
)

var update = flag.Bool("update", false, "write golden files and generated pages anew")

const exitPage = "../../docs/exit-codes.md"

// TestExitPage holds the page of exit codes to the table in the code.
func TestExitPage(t *testing.T) {
	page, err := os.ReadFile(exitPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- table -->\n", "<!-- end -->\n"
	head, rest, ok := strings.Cut(string(page), begin)
	table, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks its marks %q and %q", exitPage, begin, end)
	}
	want := exitTableMarkdown()
	if *update {
		if err := os.WriteFile(exitPage, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("%s is stale (-update writes it):\n%s\nwant\n%s", exitPage, table, want)
	}
}

func TestExitTable(t *testing.T) {
	codes := make(map[int]bool)
	causes := make(map[error]int)
	for _, row := range exitTable() {
		if codes[row.code] {
			t.Errorf("code %d stands twice", row.code)
		}
		codes[row.code] = true
		if row.meaning == "" {
			t.Errorf("code %d has no meaning", row.code)
		}
		for _, cause := range row.causes {
			if other, twice := causes[cause]; twice {
				t.Errorf("%v has codes %d and %d", cause, other, row.code)
			}
			causes[cause] = row.code
			if got := exitRowOf(fmt.Errorf("doing a thing: %w", cause)).code; got != row.code {
				t.Errorf("%v ends with %d, want %d", cause, got, row.code)
			}
		}
	}
	if exitTable()[exitInternal].code != exitInternal {
		t.Error("the row of unknown errors is not where exitRowOf looks for it")
	}
}

func TestExitRowOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"unknown", errors.New("something"), exitInternal},
		{"usage", usagef("bad flag"), exitUsage},
		{"wrapped usage", fmt.Errorf("x: %w", usage(errors.New("y"))), exitUsage},
		{"failed fsync", fmt.Errorf("%w: %w", node.ErrSync, errors.New("input/output error")), exitSync},
		{"failed for want of space", fmt.Errorf("%w: %w", node.ErrSync, store.ErrDiskFull), exitDiskFull},
		{"disk of the node", explain(fmt.Errorf("adding: %w", &client.Error{Problem: api.Problem{Status: 507}})), exitDiskFull},
		{"limit of the node", explain(&client.Error{Problem: api.Problem{Status: 503}}), exitBusy},
		{"joined", errors.Join(errors.New("x"), store.ErrLocked), exitLocked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := exitRowOf(tt.err).code; got != tt.want {
				t.Errorf("exitRowOf(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}

// TestAdviceFits holds that what to do is said of what went wrong, where a code has several causes.
func TestAdviceFits(t *testing.T) {
	answer := func(status int, code string) error {
		return fmt.Errorf("asking: %w", &client.Error{Problem: api.Problem{Status: status, Code: code}})
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("%w: refused", client.ErrUnreachable), "start one"},
		{fmt.Errorf("%w: %w", client.ErrUnreachable, client.ErrCertificate), "--api-cert"},
		{fmt.Errorf("%w: %w", client.ErrUnreachable, &tls.CertificateVerificationError{Err: errors.New("unknown")}), "--api-cert"},
		{answer(401, "token_needed"), "give the file with it"},
		{answer(401, "token_unknown"), "token list"},
		{answer(403, "scope_too_small"), "allows more"},
		{answer(400, "http_400"), "https://"},
		{fmt.Errorf("%w: %w", node.ErrDirectory, node.ErrIdentity), "a new key"},
		{node.ErrDirectory, "owner and mode"},
		{node.ErrAddressInUse, "stop the other program"},
		{fmt.Errorf("%w: %w", syscall.EADDRNOTAVAIL, node.ErrAddressInUse), "no such address"},
		{explain(answer(503, "disk_full")), "free some space"},
	} {
		if got := adviceFor(tt.err, exitRowOf(tt.err)); !strings.Contains(got, tt.want) {
			t.Errorf("of %q the advice is %q, want one with %q", tt.err, got, tt.want)
		}
	}
}

// TestErrorsAreReadable holds that neither the names of functions nor tabs spelled out are shown.
func TestErrorsAreReadable(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--max-peers", "x"}, "flag: want a whole number\n"},
		{[]string{"run", "--max-peers", "99999999999999999999"}, "flag: the number is too large or too small\n"},
		{[]string{"run", "--pprof=maybe"}, "flag: want true or false\n"},
		{[]string{"bench", "--seconds", "x"}, "flag: want a number\n"},
		{[]string{"ad"}, "Did you mean this?\n  add\n"},
	} {
		var out strings.Builder
		a := &app{stdout: &out, stderr: &out, lookupEnv: func(string) (string, bool) { return "", false }, environ: func() []string { return nil }}
		if a.run(tt.args); !strings.Contains(out.String(), tt.want) {
			t.Errorf("%q says %q, want %q in it", tt.args, &out, tt.want)
		}
	}
}

// TestErrorsArePrintable holds that nothing which an error quotes reaches the terminal as a command.
func TestErrorsArePrintable(t *testing.T) {
	var out strings.Builder
	a := &app{stderr: &out}
	a.report(errors.Join(errors.New("a name \x1b[2Jof somebody"), errors.New("another")), nil)
	if got, want := out.String(), "p2pchain: a name \\u001b[2Jof somebody\nanother\n"; got != want {
		t.Errorf("report wrote %q, want %q", got, want)
	}
}
