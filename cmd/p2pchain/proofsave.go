package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"p2pchain/api/client"
	"p2pchain/api/receipt"
	"p2pchain/core"
	"p2pchain/core/proof"
)

// A savedProof is a proof that was written to a file.
type savedProof struct {
	File          string    `json:"file"`
	Format        string    `json:"format"`
	ID            core.Hash `json:"id"`
	Bytes         int       `json:"bytes"`
	Height        uint64    `json:"height"` // of the message's block
	Block         core.Hash `json:"block"`
	Confirmations uint64    `json:"confirmations"` // blocks on top of it, as the proof claims
	Last          lastBlock `json:"last"`
	Content       bool      `json:"content"` // it shows what the message says
}

// A lastBlock is the one in which a proof ends: what to note, or to compare with a note.
type lastBlock struct {
	Height uint64      `json:"height"`
	Hash   core.Hash   `json:"hash"`
	Time   client.Time `json:"time"` // by its miner's clock
}

func lastOf(s *proof.Statement) lastBlock {
	return lastBlock{s.Tip.Height, s.TipHash, client.Time(s.Tip.TimeMS)}
}

// prepareProofs completes what --proof of add says, before anything is added: the proofs of many messages
// need a folder. What is on the chain stays there, so that its proof can be written is tried before.
func (o *addOptions) prepareProofs(many bool) error {
	if o.proof.out == "" {
		return nil
	}
	o.proof.wait, o.proof.format = true, newChoice(proofJSON)
	if o.proof.out == "-" {
		return usagef("--proof wants a file or a folder")
	}
	if many && !strings.HasSuffix(o.proof.out, string(filepath.Separator)) {
		o.proof.out += string(filepath.Separator)
	}
	place, err := o.proof.place(1)
	if err != nil {
		return err
	}
	return tryReplace(place.file(core.Hash{}, proof.Extension))
}

// proofFile returns the file with the proof of a message that was added, empty where none is wanted.
func (o *addOptions) proofFile(id core.Hash) string {
	place, err := o.proof.place(1)
	if err != nil || place.path == "" {
		return ""
	}
	return place.file(id, proof.Extension)
}

// saveProofs fetches proofs and writes them where the options say; of many, each into a file of a folder
// that is named for its message. shown is called with each file.
func (a *app) saveProofs(ctx context.Context, c *client.Client, o *proofOptions, ids []core.Hash, shown func(savedProof) error) error {
	place, err := o.place(len(ids))
	if err != nil {
		return err
	}
	for _, id := range ids {
		p, s, err := o.fetch(ctx, c, id)
		if err != nil {
			return a.proofLater(o, id, err)
		}
		saved, err := a.saveProof(o, place, p, s)
		if err == nil && saved.File != "" {
			err = shown(saved)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fetch returns the proof of a message, once it is in a block where the options say so.
func (o *proofOptions) fetch(ctx context.Context, c *client.Client, id core.Hash) (*proof.Proof, *proof.Statement, error) {
	for {
		if o.wait {
			if _, err := c.AwaitConfirmations(ctx, id, o.confirmations); err != nil {
				return nil, nil, err
			}
		}
		p, s, err := c.ProofTo(ctx, id, o.tip)
		switch {
		case err == nil && o.wait && s.Confirmations < o.confirmations, errors.Is(err, client.ErrNotConfirmed) && o.wait:
			continue // a reorg came in between
		case err == nil && o.noBody:
			p = p.WithoutBody()
			s, err = p.Verify()
		}
		return p, s, err
	}
}

// proofLater says how to get the proof of a message whose block did not come in time.
func (a *app) proofLater(o *proofOptions, id core.Hash, err error) error {
	args := append([]string{"proof", id.String(), "--wait"}, a.whichNode()...)
	if o.confirmations > 0 {
		args = append(args, "--confirmations", fmt.Sprint(o.confirmations))
	}
	if o.format.value != proofJSON {
		args = append(args, "--format", o.format.value)
	}
	if o.out != "" {
		args = append(args, "-o", o.out)
	}
	later := fmt.Sprintf("there is no proof of message %v yet; get it later with: %s", id, a.command(args...))
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %s", errInterrupted, later)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, client.ErrUnreachable), errors.Is(err, client.ErrNotConfirmed):
		return fmt.Errorf("%s: %w", later, err)
	}
	return err
}

// A proofPlace says where proofs go.
type proofPlace struct {
	path   string // empty: standard output
	folder bool
}

// place returns where so many proofs go, and makes the folder for them.
func (o *proofOptions) place(count int) (proofPlace, error) {
	if o.out == "" || o.out == "-" {
		if count > 1 && o.format.value == proofHTML {
			return proofPlace{}, usagef("several pages need a folder: give one as --out")
		}
		return proofPlace{}, nil // a line each
	}
	stat, err := os.Stat(o.out)
	p := proofPlace{o.out, err == nil && stat.IsDir()}
	switch one := count < 2 && !strings.HasSuffix(o.out, string(filepath.Separator)); {
	case p.folder || one:
		return p, nil
	case err == nil:
		return p, usagef("%s is a file: %s need a folder", o.out, plural(count, "proof"))
	}
	p.folder = true
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return p, usagef("%w", err)
	}
	return p, nil
}

// file returns the file for the proof of a message.
func (p proofPlace) file(id core.Hash, extension string) string {
	if p.folder {
		return filepath.Join(p.path, id.String()+extension)
	}
	return p.path
}

// saveProof writes one proof; to standard output there is no file then.
func (a *app) saveProof(o *proofOptions, place proofPlace, p *proof.Proof, s *proof.Statement) (savedProof, error) {
	text, extension := p.Encode(), proof.Extension
	if o.format.value == proofHTML {
		var page bytes.Buffer
		if err := receipt.Write(&page, p, receipt.Options{}); err != nil {
			return savedProof{}, err
		}
		text, extension = page.Bytes(), ".html"
	}
	if place.path == "" {
		_, err := a.stdout.Write(text)
		return savedProof{}, err
	}
	path := place.file(s.ID, extension)
	if err := replaceFile(path, text); err != nil {
		return savedProof{}, err
	}
	return savedProof{path, o.format.value, s.ID, len(text), s.Block.Height, s.BlockHash, s.Confirmations, lastOf(s), s.Message.Body != nil}, nil
}

// replaceFile writes a file whole or not at all, in the place of one that is there. What is no file, as a
// pipe, is written to.
func replaceFile(path string, content []byte) error {
	if stat, err := os.Stat(path); err == nil && !stat.Mode().IsRegular() {
		return os.WriteFile(path, content, 0o644)
	}
	f, err := unfinished(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name()) // what went wrong is said already
		return fmt.Errorf("writing the proof: %w", err)
	}
	return nil
}

// tryReplace says why replaceFile could not begin.
func tryReplace(path string) error {
	if stat, err := os.Stat(path); err == nil && !stat.Mode().IsRegular() {
		return nil
	}
	f, err := unfinished(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// unfinished makes the file that is to be put in the place of another one.
func unfinished(path string) (*os.File, error) {
	f, err := os.OpenFile(fmt.Sprintf("%s.%d.tmp", path, os.Getpid()), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	return f, usage(err)
}
