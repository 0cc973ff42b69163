package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/node"
)

// backupCommand is "backup".
func (a *app) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "backup FILE|-",
		Short:   "Back up a node, while it runs or when it does not",
		GroupID: groupTools,
		Long: `Writes a consistent copy of the node's store into a tar archive, as of one moment: the
chain, side branches, waiting messages and the peer book. A running node goes on
meanwhile. The last part of the archive is a list of SHA-256 hashes, so one that was cut
off is noticed. The private key is not in it: keep identity.key yourself if the node is
to come back under its own name.

Unlike export, which writes the chain as text for any program, this is for restore.`,
		Example: `  p2pchain backup monday.tar
  p2pchain backup - | ssh host 'cat > node.tar'
  p2pchain restore monday.tar --data-dir copy`,
		Args: takes(1, 1),
	}
	f := addClientFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		return a.backup(ctx, f, args[0])
	}
	return cmd
}

// backedUp is what backup answers.
type backedUp struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

// backup writes a backup into a new file, which is there only when it is whole.
func (a *app) backup(ctx context.Context, f *clientFlags, path string) error {
	if path == "-" {
		_, err := a.copyBackup(ctx, f, a.stdout)
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return usagef("%s is there already; choose another name", path)
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return usagef("%w", err)
	}
	n, err := a.copyBackup(ctx, f, file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return a.print(backedUp{path, n}, func(t *text) {
		t.row("file", printable(path))
		t.row("written", plural(n, "byte"))
	})
}

// copyBackup writes the backup of the node that runs, or of the data directory where none does.
func (a *app) copyBackup(ctx context.Context, f *clientFlags, w io.Writer) (int64, error) {
	progress := a.newMeter(0)
	defer progress.end()
	counted := &countingWriter{w: w, show: func(n int64) { progress.show(uint64(n), 0, n, "") }}
	c, err := a.connect(ctx, f)
	if a.isStopped(f, err) {
		err = a.backupStopped(ctx, err, counted)
		return counted.n, err
	}
	if err != nil {
		return 0, err
	}
	defer c.Close()
	in, err := c.Backup(ctx)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(counted, in)
	return counted.n, errors.Join(err, in.Close())
}

// backupStopped writes the backup of a node that does not run.
func (a *app) backupStopped(ctx context.Context, noNode error, w io.Writer) error {
	cfg, err := a.stoppedConfig()
	if err != nil {
		return err
	}
	if !node.HasChain(cfg.Dir) {
		return noNode
	}
	if cfg.Network, err = node.FindNetwork(cfg.Dir, node.NetworkChoice{}); err != nil {
		return err
	}
	s, err := node.OpenStopped(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(s.Backup(ctx, w), s.Close())
}

// A countingWriter says how much went through it.
type countingWriter struct {
	w    io.Writer
	n    int64
	show func(int64)
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.show(c.n)
	return n, err
}

// restoreCommand is "restore".
func (a *app) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "restore FILE|-",
		Short:   "Make a data folder from a backup, checking all of it",
		GroupID: groupTools,
		Long: `Reads an archive that backup wrote, compares every file in it with its hash, checks the
whole store, every byte of it, and only then puts it into the data folder. A folder that
holds a chain already is left alone. The archive has no private key: the restored node
gets an identity of its own, unless identity.key is there.`,
		Example: `  p2pchain restore monday.tar
  p2pchain restore monday.tar --name copy
  ssh host p2pchain backup - | p2pchain restore - --data-dir copy`,
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), args[0]) },
	}
}

// restored is what restore answers.
type restored struct {
	Folder string `json:"folder"`
	node.ArchiveInfo
}

func (a *app) restore(ctx context.Context, path string) error {
	var in io.Reader
	if path == "-" {
		in = a.input(ctx)
	} else {
		f, err := os.Open(path)
		if err != nil {
			return usagef("%w", err)
		}
		defer f.Close()
		in = f
	}
	cfg, err := a.stoppedConfig()
	if err != nil {
		return err
	}
	info, err := node.Restore(ctx, cfg, in)
	if err != nil {
		return err
	}
	return a.print(restored{cfg.Dir, info}, func(t *text) {
		t.row("folder", printable(cfg.Dir))
		t.row("tip", fmt.Sprintf("block %d, %v", info.Height, info.Tip))
		t.row("made", info.Created.Format("2006-01-02 15:04:05 MST"))
	})
}
