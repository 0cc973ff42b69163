package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api"
	"p2pchain/cmd/internal/node"
)

// tokenCommand is "token", which keeps the tokens of a node's API.
func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Make, list and take back the tokens of a node's API",
		GroupID: groupNode,
		Long: `A token lets whoever has it use a node's API where that asks for one (see --auth of
p2pchain run). The node has one of its own in the data folder, which allows
everything; the commands on this machine find it by themselves. Others are made
here, each for a purpose, with a scope:

  read    changes nothing
  write   reads, and adds messages
  admin   everything: peers, mining, import, backup

A running node takes a new token, and refuses one that was removed, at once. Only
hashes of them are kept, so a token is shown when it is made and never again.`,
		Example: `  p2pchain token add ci --scope write
  p2pchain token list
  p2pchain token remove ci
  curl -H "Authorization: Bearer $(p2pchain token show)" …`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("want token add, list, remove or show")
			}
			return usagef("there is no \"token %s\": want add, list, remove or show", args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args always refuses
	}
	cmd.AddCommand(a.tokenAddCommand(), a.tokenListCommand(), a.tokenRemoveCommand(), a.tokenShowCommand())
	return cmd
}

// A shownToken is a token as it is shown once.
type shownToken struct {
	Name  string    `json:"name,omitempty"`
	Scope api.Scope `json:"scope"`
	Token string    `json:"token"`
	File  string    `json:"file,omitempty"`
}

func (a *app) tokenAddCommand() *cobra.Command {
	scope := newChoice(string(api.ScopeWrite))
	for _, s := range api.Scopes() {
		scope.words = append(scope.words, string(s))
	}
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Make a token and show it, this once",
		Example: "  p2pchain token add ci\n  p2pchain token add dashboard --scope read > dashboard.token",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			token, err := node.AddToken(dir, args[0], api.Scope(scope.value), time.Now())
			if err != nil {
				return err
			}
			return a.print(shownToken{Name: args[0], Scope: api.Scope(scope.value), Token: token}, func(t *text) { t.line("%s", token) })
		},
	}
	cmd.Flags().Var(scope, "scope", "what it allows")
	return cmd
}

func (a *app) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tokens that were made, not the node's own",
		Example: "  p2pchain token list\n  p2pchain token list --json | jq -r '.tokens[].name'",
		Args:    takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			list, err := node.Tokens(dir)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				list = []node.Token{} // JSON's empty list
				if !a.shared.json {
					a.remark("no tokens but the node's own")
					return nil
				}
			}
			return a.print(struct {
				Tokens []node.Token `json:"tokens"`
			}{list}, func(t *text) {
				t.cells("NAME", "SCOPE", "CREATED", "SHA-256")
				for _, k := range list {
					t.cells(k.Name, k.Scope, k.Created.Format(time.RFC3339), k.SHA256[:16]+"…")
				}
			})
		},
	}
}

func (a *app) tokenRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Take a token back: it counts no more from now on",
		Example: "  p2pchain token remove ci",
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			if err := node.RemoveToken(dir, args[0]); err != nil {
				return err
			}
			return a.print(struct {
				Removed string `json:"removed"`
			}{args[0]}, func(t *text) { t.row("removed", args[0]) })
		},
	}
}

func (a *app) tokenShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show the node's own token, which allows everything; it is made where there is none",
		Example: "  curl -X PUT -H \"Authorization: Bearer $(p2pchain token show)\" 'http://HOST:12345/add?message=hello'",
		Args:    takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			token, err := node.EnsureToken(dir)
			if err != nil {
				return fmt.Errorf("the node's own token: %w", err)
			}
			return a.print(shownToken{Scope: api.ScopeAdmin, Token: token, File: node.TokenPath(dir)}, func(t *text) { t.line("%s", token) })
		},
	}
}
