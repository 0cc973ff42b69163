package node

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/store"
)

// A backup is a tar archive of three parts:
//
//	p2pchain-backup.json   an ArchiveInfo: which chain it is, up to where
//	store/…                the files of the store, as of one moment
//	manifest.json          {"files":[{"name","size","sha256"}…]}, of every file before it, in order
//
// The manifest comes last, so a backup that was cut off has none, and the archive can be written and read
// in one go, in memory that does not depend on its size. It holds no key: what is restored from it is a
// node of its own.
const (
	archiveInfo     = "p2pchain-backup.json"
	archiveManifest = "manifest.json"
	archiveStore    = storeFolder + "/"
	archiveVersion  = 1
	maxArchiveText  = 16 << 20 // of one of the two JSON files
	restoreFolder   = "store.restore"
)

var (
	// ErrArchive means that a file is no whole backup: it was cut off, changed, or is something else.
	ErrArchive = errors.New("backup is damaged")
	// ErrHasChain means that a data directory holds a chain already, which nothing may overwrite.
	ErrHasChain = errors.New("a chain is here already")
)

// An ArchiveInfo is what a backup says of itself.
type ArchiveInfo struct {
	Version   int             `json:"version"` // of the form of backups
	Params    json.RawMessage `json:"params"`  // of the network
	Genesis   core.Hash       `json:"genesis"`
	Height    uint64          `json:"height"` // when the backup began; it may hold a few blocks more
	Tip       core.Hash       `json:"tip"`
	Created   time.Time       `json:"created"`
	CreatedBy string          `json:"created_by"`
}

// An archivedFile is a line of the manifest.
type archivedFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type archiveList struct {
	Files []archivedFile `json:"files"`
}

// Backup writes a backup of the node's store, as of the moment of the call, while the node goes on.
func (n *Node) Backup(ctx context.Context, w io.Writer) (err error) {
	c, err := n.store.Copy()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return writeArchive(ctx, w, c.Dir, ArchiveInfo{
		Version: archiveVersion, Params: n.cfg.Network.Params.Encode(), Genesis: n.cfg.Network.Genesis,
		Height: c.Height, Tip: c.Tip, Created: n.cfg.Now().UTC().Truncate(time.Second), CreatedBy: "p2pchain " + n.cfg.Version,
	})
}

// Backup is Node.Backup for a node that does not run.
func (s *Stopped) Backup(ctx context.Context, w io.Writer) error { return s.node.Backup(ctx, w) }

func writeArchive(ctx context.Context, w io.Writer, dir string, info ArchiveInfo) error {
	a := &archiver{tar: tar.NewWriter(w), time: info.Created}
	if err := a.text(archiveInfo, info); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.file(archiveStore+e.Name(), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := a.text(archiveManifest, a.list); err != nil {
		return err
	}
	return a.tar.Close()
}

// An archiver writes the parts of a backup and keeps their hashes.
type archiver struct {
	tar  *tar.Writer
	time time.Time
	list archiveList
}

func (a *archiver) text(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.add(name, int64(len(text)+1), strings.NewReader(string(text)+"\n"))
}

func (a *archiver) file(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return a.add(name, info.Size(), f)
}

func (a *archiver) add(name string, size int64, r io.Reader) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: a.time, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(a.tar, sum), r, size); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a.list.Files = append(a.list.Files, archivedFile{name, size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// Restore makes a data directory from a backup. Every file is compared with its hash and the whole store
// checked, every byte of it, before it is put in its place; until then there is nothing. Of cfg it uses
// what concerns directory and log; the network is the backup's.
//
// Errors: ErrHasChain, ErrArchive, store.ErrOtherNetwork where the directory was made for another one,
// store.ErrCorrupt, and those of Open.
func Restore(ctx context.Context, cfg Config, r io.Reader) (ArchiveInfo, error) {
	if HasChain(cfg.Dir) || HasRepair(cfg.Dir) {
		return ArchiveInfo{}, fmt.Errorf("%w: %s", ErrHasChain, cfg.Dir)
	}
	before := exists(cfg.Dir)
	if err := makeDirectory(cfg.Dir); err != nil {
		return ArchiveInfo{}, err
	}
	work := filepath.Join(cfg.Dir, restoreFolder)
	x := &extractor{tar: tar.NewReader(r), dir: work}
	err := os.RemoveAll(work) // of a restore that was interrupted
	if err == nil {
		err = os.Mkdir(work, 0o700)
	}
	if err == nil {
		err = x.extract(ctx)
	}
	if err == nil {
		err = place(ctx, cfg, work, &x.info)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("restoring %s: %w", cfg.Dir, err), os.RemoveAll(work))
		if !before {
			_ = os.Remove(cfg.Dir) // which somebody else may have filled meanwhile
		}
		return x.info, err
	}
	return x.info, nil
}

// place checks a restored store and lets it be the directory's. The backup may have gone on for some
// blocks after the one that it names; info then says where it really ends.
func place(ctx context.Context, cfg Config, work string, info *ArchiveInfo) error {
	params, err := core.ParseParams(info.Params)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	network, err := core.NewNetwork(params)
	if err != nil || network.Genesis != info.Genesis {
		return fmt.Errorf("genesis is not that of its network: %w", ErrArchive)
	}
	kept, err := keptNetwork(cfg.Dir)
	if err == nil && kept != nil && kept.Genesis != network.Genesis {
		err = fmt.Errorf("the folder is for network %s, the backup of %s: %w", kept, network, store.ErrOtherNetwork)
	}
	if err != nil {
		return err
	}
	cfg.Network = network
	n := &Node{cfg: cfg, log: cfg.Log, failed: make(chan error, 1)}
	s, err := n.openPatiently(ctx, work, n.storeOptions())
	if err != nil {
		return err
	}
	_, named := s.Entry(info.Tip)
	report, err := s.Check(ctx, true)
	if err = errors.Join(err, report.Err(), s.Close()); err != nil {
		return err
	}
	if named != nil {
		return fmt.Errorf("it has no block %v: %w: %w", info.Tip, ErrArchive, named)
	}
	info.Height, info.Tip = report.Height, report.Tip
	if err := keepNetwork(cfg.Dir, network); err != nil {
		return err
	}
	if err := os.Rename(work, filepath.Join(cfg.Dir, storeFolder)); err != nil {
		return err
	}
	return syncNames(vfs.Default, cfg.Dir)
}

// An extractor reads a backup.
type extractor struct {
	tar  *tar.Reader
	dir  string
	info ArchiveInfo
	list archiveList
}

// extract writes the files of a backup, and compares them with the manifest at its end.
func (x *extractor) extract(ctx context.Context) error {
	for ctx.Err() == nil {
		head, err := x.tar.Next()
		if err == io.EOF {
			return fmt.Errorf("it ends before its manifest: %w", ErrArchive)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		first := len(x.list.Files) == 0
		switch {
		case head.Typeflag != tar.TypeReg || first != (head.Name == archiveInfo):
			return fmt.Errorf("%q is not expected: %w", head.Name, ErrArchive)
		case head.Name == archiveManifest:
			return x.compare()
		case first:
			err = x.text(head, &x.info)
		default:
			err = x.file(head)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// text reads a JSON file.
func (x *extractor) text(head *tar.Header, v any) error {
	if head.Size > maxArchiveText {
		return fmt.Errorf("%s has %d bytes: %w", head.Name, head.Size, ErrArchive)
	}
	sum := sha256.New()
	text, err := io.ReadAll(io.TeeReader(x.tar, sum))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", head.Name, ErrArchive, err)
	}
	if x.info.Version != archiveVersion {
		return fmt.Errorf("it has form %d, this program knows %d: %w", x.info.Version, archiveVersion, ErrArchive)
	}
	x.note(head, sum)
	return nil
}

// isStoreFile are the names that a store's files may have. No path leads out of the folder.
var isStoreFile = regexp.MustCompile(`^` + archiveStore + `[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`).MatchString

// file writes a file of the store.
func (x *extractor) file(head *tar.Header) error {
	if !isStoreFile(head.Name) {
		return fmt.Errorf("%q is not expected: %w", head.Name, ErrArchive)
	}
	path := filepath.Join(x.dir, strings.TrimPrefix(head.Name, archiveStore))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sum, in := sha256.New(), &archiveReader{r: x.tar}
	_, err = io.Copy(io.MultiWriter(f, sum), in)
	if err = errors.Join(in.err, err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", head.Name, err)
	}
	x.note(head, sum)
	return nil
}

// An archiveReader tells errors of the archive from those of the disk.
type archiveReader struct {
	r   io.Reader
	err error
}

func (a *archiveReader) Read(b []byte) (int, error) {
	n, err := a.r.Read(b)
	if err != nil && err != io.EOF {
		a.err = fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return n, err
}

func (x *extractor) note(head *tar.Header, sum hash.Hash) {
	x.list.Files = append(x.list.Files, archivedFile{head.Name, head.Size, hex.EncodeToString(sum.Sum(nil))})
}

// compare holds what was read to the manifest.
func (x *extractor) compare() error {
	var want archiveList
	err := json.NewDecoder(io.LimitReader(x.tar, maxArchiveText)).Decode(&want)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", archiveManifest, ErrArchive, err)
	}
	if len(want.Files) != len(x.list.Files) {
		return fmt.Errorf("it has %d files, its manifest lists %d: %w", len(x.list.Files), len(want.Files), ErrArchive)
	}
	for i, f := range want.Files {
		if f != x.list.Files[i] {
			return fmt.Errorf("%s is not what the manifest says: %w", f.Name, ErrArchive)
		}
	}
	return syncNames(vfs.Default, x.dir)
}
