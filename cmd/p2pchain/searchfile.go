package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"p2pchain/api/client"
	"p2pchain/core"
)

// searchSources tells when and where files were notarised, or that they were not.
func (a *app) searchSources(ctx context.Context, c *client.Client, o *sources, limit int) error {
	sources, err := a.readSources(ctx, o, false)
	if err != nil {
		return err
	}
	var missing []error
	for i := range sources {
		found, err := findSource(ctx, c, &sources[i], limit)
		if err != nil {
			return err
		}
		if a.shared.json {
			err = a.printJSON(found)
		} else {
			err = a.showSource(&sources[i], found)
		}
		if err != nil {
			return err
		}
		if len(found.Messages) == 0 {
			missing = append(missing, fmt.Errorf("%s, with this content, was not notarised in this chain: %w", printable(sources[i].path), client.ErrNotFound))
		}
	}
	return errors.Join(missing...)
}

// findSource asks the node for all that notarises a source. What was searched for is its hash.
func findSource(ctx context.Context, c *client.Client, s *source, limit int) (client.SearchResult, error) {
	out := client.SearchResult{Query: s.digest.String(), Blocks: []client.Block{}, Messages: []client.Message{}}
	for m, err := range c.AllMessages(ctx, client.Filter{SHA256: &s.digest}) {
		if err != nil {
			return out, err
		}
		out.LookedAt++
		if out.Messages = append(out.Messages, m); len(out.Messages) == limit {
			break
		}
	}
	return out, nil
}

// showSource says when and where a source was notarised, and under which name.
func (a *app) showSource(s *source, found client.SearchResult) error {
	if len(found.Messages) == 0 {
		return nil // the error says it
	}
	_, err := fmt.Fprintf(a.stdout, "%s was notarised, SHA-256 %s:\n", printable(s.path), found.Query)
	for _, m := range found.Messages {
		if err != nil {
			return err
		}
		if err = a.showMessageLine(m); err != nil {
			return err
		}
		words := "it waits for a block: nothing is proven yet"
		if m.Written != nil {
			words = printable(m.Written.Words)
		}
		_, err = fmt.Fprintf(a.stdout, "    %s\n", words)
	}
	return err
}

// nothingHas is the error of a search that found nothing.
func nothingHas(words string) error {
	if digest, err := core.ParseHash(strings.ToLower(words)); err == nil {
		return fmt.Errorf("no block or message has the hash %v, and no file with this SHA-256 was notarised in this chain: %w", digest, client.ErrNotFound)
	}
	return fmt.Errorf("nothing has %q: %w", words, client.ErrNotFound)
}
