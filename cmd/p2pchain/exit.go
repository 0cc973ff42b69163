package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/anchor"
	"p2pchain/cmd/internal/bench"
	"p2pchain/cmd/internal/demo"
	"p2pchain/cmd/internal/invite"
	"p2pchain/cmd/internal/node"
	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/store"
)

// The exit codes. They are part of the command's contract: none ever changes its meaning.
const (
	exitOK           = 0
	exitInternal     = 1
	exitUsage        = 2
	exitUnreachable  = 3
	exitNotFound     = 4
	exitAddressInUse = 5
	exitLocked       = 6
	exitOtherNetwork = 7
	exitOtherVersion = 8
	exitDamaged      = 9
	exitDiskFull     = 10
	exitSync         = 11
	exitTimeout      = 12
	exitDirectory    = 13
	exitRefused      = 14
	exitUnauthorized = 15
	exitBusy         = 16
	exitVerification = 17
	exitFindings     = 18
	exitAltered      = 19
	exitOtherProof   = 20
	exitWeak         = 21
	exitCut          = 22
	exitInterrupted  = 130
)

var (
	// errUsage means that the command line, the environment, the configuration file or a file
	// named by them cannot be used as it is.
	errUsage = errors.New("usage")
	// errInterrupted means that a signal ended the command before its work was done.
	errInterrupted = errors.New("interrupted")
	// errNodeDisk means that the disk of the node that was asked is (nearly) full.
	errNodeDisk = errors.New("a node with less than 256 MiB of free disk accepts nothing")
)

// An exitRow is one line of the table: a code, what it means, and the errors that lead to it.
type exitRow struct {
	code    int
	meaning string
	advice  string
	causes  []error
}

// exitTable returns every exit code. An error gets the code of the first row that names it, so the
// more special causes stand first where one error wraps several.
func exitTable() []exitRow {
	return []exitRow{
		{exitOK, "done; of `verify` without `--header` or `--node`: the proof holds together, and is tied to no chain that you know", "", nil},
		{exitInternal, "something failed that has no code of its own", "", nil},
		{exitUsage, "the command line, a `P2PCHAIN_` variable, the configuration file or a parameter file is wrong",
			"", []error{errUsage, core.ErrBadParams, node.ErrConfig, node.ErrTokenName, node.ErrTokenExists, invite.ErrInvite, node.ErrHasChain}},
		{exitUnreachable, "no node answers", "start one, or name one with `--name`, `--data-dir` or `--api`", []error{client.ErrUnreachable, node.ErrNoAddress, node.ErrNoInvite}},
		{exitNotFound, "the node does not have what was asked for", "", []error{client.ErrNotFound, node.ErrNoBlock, node.ErrNoToken, node.ErrNoChain, anchor.ErrNone}},
		{exitAddressInUse, "an address that you set is taken or is not this machine's", "stop the other program, or choose another address",
			[]error{node.ErrAddressInUse}},
		{exitLocked, "another process uses the data directory", "use the node that runs, or stop it; one more node on this machine needs a name of its own: `p2pchain --name two`", []error{store.ErrLocked, anchor.ErrInUse}},
		{exitOtherNetwork, "the data directory belongs to another network", "choose that network, or another `--data-dir` or `--name`",
			[]error{store.ErrOtherNetwork}},
		{exitOtherVersion, "the data directory was written by a newer version, or by one before the first release",
			"install the newer version; what is older than the first release can only be set aside, with `--force-new-chain`",
			[]error{store.ErrNewerSchema, store.ErrOlderSchema}},
		{exitDamaged, "stored data is damaged", "run `p2pchain check --deep --repair`, or start the node with `--repair`: all that can be read and proven is kept, the rest comes from its peers",
			[]error{store.ErrCorrupt}},
		{exitDiskFull, "the disk is full; a node takes nothing more where less than 256 MiB are free", "free some space", []error{errNodeDisk, store.ErrDiskFull, syscall.ENOSPC}},
		{exitSync, "the disk did not take data that it must keep (a failed fsync)", "look at the disk before you start again",
			[]error{node.ErrSync}},
		{exitTimeout, "the time limit ended first", "give a larger `--timeout`", []error{context.DeadlineExceeded}},
		{exitDirectory, "the data directory cannot be used", "check its owner and mode, or choose another `--data-dir`", []error{node.ErrDirectory, store.ErrNotStore, bench.ErrFolder}},
		{exitRefused, "the node refused the request", "", []error{client.ErrRefused}},
		{exitUnauthorized, "the node wants a token", "give the file with it as `--token-file`", []error{client.ErrUnauthorized}},
		{exitBusy, "the node cannot take this now", "try again later", []error{client.ErrBusy}},
		{exitVerification, "a chain file or a backup is damaged, breaks a rule or does not fit what is stored", "everything before that line is kept: get the file again and repeat the command",
			[]error{chainfile.ErrUnverified, node.ErrArchive}},
		{exitFindings, "`doctor` found a problem", "", []error{errFindings}},
		{exitAltered, "a proof does not hold: it is none, was altered, or is not about the document that was given; or a log is not what it was when it was anchored", "get the file again from whoever gave it; what does not hold proves nothing", []error{errAltered, errOtherDocument, anchor.ErrAltered}},
		{exitOtherProof, "a proof holds, but for another network than the one that was asked for", "", []error{errOtherProof}},
		{exitWeak, "a proof holds, but is too weak for what was asked: too little work, too few blocks, or not tied to what you trust",
			"get a newer proof of the message, which shows more work, or name a header (`--header`) or a node (`--node`) that you trust", []error{errWeak}},
		{exitCut, "bytes of a log that were anchored are missing at its end; what is left is intact", "look for a copy of the file from after the last look that `anchor verify` names", []error{anchor.ErrCut}},
		{exitInterrupted, "a signal ended the command before its work was done", "", []error{errInterrupted}},
	}
}

// exitRowOf returns the row of an error that is not nil.
func exitRowOf(err error) exitRow {
	table := exitTable()
	for _, row := range table {
		for _, cause := range row.causes {
			if errors.Is(err, cause) {
				return row
			}
		}
	}
	return table[exitInternal]
}

// adviceFor returns what to do about an error of a row: for some that depends on what is wrong.
func adviceFor(err error, row exitRow) string {
	switch row.code {
	case exitVerification:
		return adviceForFile(err, row)
	case exitAltered:
		if errors.Is(err, errOtherDocument) {
			return "compare with the document as it was then: one changed byte, also where nobody sees it, makes it another one"
		}
		if errors.Is(err, anchor.ErrAltered) {
			return "keep the file as it is, and compare these lines with a copy; what is called intact is as it was"
		}
	case exitUnreachable:
		_, unknown := errors.AsType[*tls.CertificateVerificationError](err)
		if unknown || errors.Is(err, client.ErrCertificate) {
			return "give the fingerprint that the node said at its start as `--api-cert`; where that does not fit, somebody else may answer there"
		}
	case exitUnauthorized, exitRefused:
		answer, _ := errors.AsType[*client.Error](err)
		switch {
		case answer == nil:
		case answer.Code == "scope_too_small":
			return "give the file of a token that allows more as `--token-file`; where the node is, `p2pchain token add` makes one"
		case answer.Code == "token_unknown":
			return "look whether the file of `--token-file` holds a token of this node; where that is, `p2pchain token list` shows them"
		case answer.Code == "http_400":
			return "look whether `--api` leads to a node, and whether that speaks HTTPS: then it begins with https://"
		}
	case exitOtherNetwork:
		if errors.Is(err, errOtherDifficulty) {
			return "leave `--difficulty` away to go on with this data; a network of another difficulty gets a folder of its own with `--name` or `--data-dir`"
		}
	case exitAddressInUse:
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			return "this machine has no such address: choose one that it has, or 0.0.0.0 for all of them"
		}
	case exitDirectory:
		if errors.Is(err, node.ErrIdentity) {
			return "look at the file's owner and mode, or put it back from a copy; without it the node makes a new key, and is another node to all others"
		}
	}
	return row.advice
}

// adviceForFile is adviceFor for a chain file or a backup.
func adviceForFile(err error, row exitRow) string {
	line, ok := errors.AsType[*chainfile.LineError](err)
	_, untouched := errors.AsType[*nothingTaken](err)
	switch {
	case untouched:
		return "nothing was changed: name a chain file, as `p2pchain export` writes it and nodes keep it, or get this one again"
	case errors.Is(err, node.ErrArchive):
		return "nothing was changed: get the backup again, or take an older one"
	case !ok:
		return row.advice
	case line.Line == 1:
		return "nothing was changed: name a chain file, as `p2pchain export` writes it and nodes keep it"
	case errors.Is(err, node.ErrFileBeginsAbove):
		return "export it anew without `--since`, or with a block that is here already, and import that"
	case errors.Is(err, node.ErrFileReadOnce):
		return "save it as a file, and give the name of that"
	}
	return row.advice
}

// explain adds the cause to an answer that the table of codes would take for a passing state: a full
// disk does not get better by waiting.
func explain(err error) error {
	if answer, ok := errors.AsType[*client.Error](err); ok && (answer.Status == http.StatusInsufficientStorage || answer.Code == "disk_full") {
		return fmt.Errorf("%w: %w", err, errNodeDisk)
	}
	return err
}

// wording returns the text of an error, without the names of functions for what is no number, and without
// the name of its kind where a line says already what is wrong: that only tells which exit code there is.
func wording(err error) string {
	text := err.Error()
	for _, kind := range []error{node.ErrConfig, core.ErrBadParams, node.ErrAddressInUse, store.ErrOtherNetwork, demo.ErrConfig} {
		if errors.Is(err, kind) {
			text = strings.ReplaceAll(text+"\n", ": "+kind.Error()+"\n", "\n")
			text = strings.TrimSuffix(text, "\n")
		}
	}
	for _, cause := range []string{"time: missing unit in duration ", "time: invalid duration ", "time: unknown unit "} {
		if before, _, found := strings.Cut(text, cause); found { // package time has no sentinels
			return before + "want a time with its unit, like 30s, 5m or 2h"
		}
	}
	if number, ok := errors.AsType[*strconv.NumError](err); ok {
		want := "want a whole number"
		switch {
		case errors.Is(number, strconv.ErrRange):
			want = "the number is too large or too small"
		case number.Func == "ParseBool":
			want = "want true or false"
		case number.Func == "ParseFloat":
			want = "want a number"
		}
		text = strings.ReplaceAll(text, number.Error(), want)
	}
	return text
}

// exitTableMarkdown renders the table as docs/exit-codes.md shows it.
func exitTableMarkdown() string {
	var b strings.Builder
	b.WriteString("| code | meaning | what to do |\n|---|---|---|\n")
	for _, row := range exitTable() {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", row.code, row.meaning, row.advice)
	}
	return b.String()
}

// usage marks an error as one of the command's user; nil stays nil.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// usagef is fmt.Errorf for errors of the command's user.
func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// A usageError is an error that is errUsage to errors.Is and keeps its own text.
type usageError struct{ err error }

func (e *usageError) Error() string        { return e.err.Error() }
func (e *usageError) Unwrap() error        { return e.err }
func (e *usageError) Is(target error) bool { return target == errUsage }
