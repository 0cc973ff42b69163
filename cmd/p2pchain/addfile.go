package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"p2pchain/api/client"
	"p2pchain/core/document"
)

// sources says which files, directories or commits a command is about.
type sources struct {
	files, directories []string
	git, repository    string
	name               string
	manifest           string // where a list is written
}

// declareFinding adds the flags that name sources; a verb says what is done with them.
func (o *sources) declareFinding(flags *pflag.FlagSet, verb string) {
	flags.StringArrayVar(&o.files, "file", nil, verb+" the `FILE`, - for standard input; may be repeated")
	flags.StringArrayVar(&o.directories, "directory", nil, verb+" all files below the `FOLDER`; may be repeated")
	flags.StringVar(&o.git, "git", "", verb+" a commit of git, like HEAD or a `REVISION`")
	flags.StringVar(&o.repository, "repo", ".", "the `FOLDER` of the repository for --git")
}

// declare adds the flags that name sources, and how they are written down.
func (o *sources) declare(flags *pflag.FlagSet) {
	o.declareFinding(flags, "notarise")
	flags.StringVar(&o.name, "file-name", "", "the `NAME` to write down instead of the one that it has")
	flags.StringVar(&o.manifest, "manifest", "", "write the list of files to this `FILE` (default for a directory: NAME.sha256 beside it)")
}

// count returns how many there are.
func (o *sources) count() int {
	n := len(o.files) + len(o.directories)
	if o.git != "" {
		n++
	}
	return n
}

// check refuses flags that do not fit each other. Flags are those of the command.
func (o *sources) check(flags *pflag.FlagSet) error {
	count, stdin := o.count(), 0
	for _, name := range o.files {
		if name == "-" {
			stdin++
		}
	}
	switch {
	case flags.Changed("git") && o.git == "":
		return usagef("--git is empty, want a revision like HEAD")
	case flags.Changed("repo") && o.git == "":
		return usagef("--repo goes with --git")
	case o.name != "" && count != 1:
		return usagef("--file-name names one thing, but there are %d", count)
	case o.manifest != "" && (count != 1 || len(o.files) > 0):
		return usagef("--manifest goes with one --directory or with --git")
	case stdin > 0 && o.name == "" && flags.Lookup("file-name") != nil:
		return usagef("standard input has no name: give one with --file-name")
	case stdin > 1:
		return usagef("standard input can be read only once")
	}
	if o.name != "" && o.git == "" {
		return usage(document.CheckName(o.name))
	}
	return nil
}

// A notarised thing is what was written down about a file, a directory or a commit.
type notarised struct {
	Kind     string          `json:"kind"` // file, directory or commit
	Document json.RawMessage `json:"document"`
	Manifest string          `json:"manifest,omitempty"` // file with the list
	LeftOut  int             `json:"left_out,omitempty"` // symbolic links, special files, submodules
	Dirty    bool            `json:"dirty,omitempty"`    // the work tree differs from the commit
}

// addSources notarises everything that the flags name. All is hashed before anything is added, so that
// an unreadable file leaves nothing half done; all is added before anything is waited for.
func (a *app) addSources(ctx context.Context, c *client.Client, o *addOptions) error {
	found, err := a.readSources(ctx, &o.sources, true)
	if err != nil {
		return err
	}
	var sent []*addedMessage
	var fault error
	for i := range found {
		receipt, err := a.addPayload(ctx, c, found[i].document.Encode(), found[i].document.Type())
		if err != nil {
			fault = fmt.Errorf("notarising %s: %w", printable(found[i].path), err)
			break
		}
		sent = append(sent, &addedMessage{Receipt: receipt, Notarised: found[i].notarised()})
	}
	for i, added := range sent {
		fault = errors.Join(fault, a.finishAdd(ctx, c, added, o, found[i].words))
	}
	return fault
}

// words shows a source.
func (s *source) words(t *text) {
	t.document(s.document)
	if s.manifest != "" {
		t.row("list", printable(s.manifest))
	}
}

// notarised is the source as programs see it.
func (s *source) notarised() *notarised {
	n := &notarised{Document: s.document.Encode(), Manifest: s.manifest, LeftOut: s.leftOut.Count(), Dirty: s.changed+s.unknown > 0}
	switch s.document.(type) {
	case *document.File:
		n.Kind = "file"
	case *document.Manifest:
		n.Kind = "directory"
	case *document.Commit:
		n.Kind = "commit"
	}
	return n
}

// nameOf returns the name to write down for a path, which the user may choose.
func (o *sources) nameOf(path string) (string, error) {
	if o.name != "" {
		return o.name, nil
	}
	whole, err := filepath.Abs(path) // of "." and ".." too
	if err != nil {
		return "", err
	}
	name := filepath.Base(whole)
	if err := document.CheckName(name); err != nil {
		return "", usagef("%s cannot be written down under its name: %w; give another one with --file-name", printable(path), err)
	}
	return name, nil
}
