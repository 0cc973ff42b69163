package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"p2pchain/cmd/internal/node"
	"p2pchain/p2p"
)

// lookAtFiles tells whether the data directory can be used, and whether its secrets are secret.
func (e *exam) lookAtFiles(context.Context) []Finding {
	dir := e.cfg.Dir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return e.lookAbove(dir)
	case err != nil:
		return one(Problem, err.Error(), "the node keeps everything there", "check owner and mode of the folders above it")
	case !info.IsDir():
		return one(Problem, dir+" is no folder", "the node keeps everything there", "choose another --data-dir, or move that file away")
	}
	if err := tryWrite(dir); err != nil {
		return one(Problem, "the data folder cannot be written: "+err.Error(), writeWhy(err), writeDo(err, dir))
	}
	var found []Finding
	for _, path := range e.entries(dir) {
		found = append(found, e.lookAtFile(path)...)
	}
	if len(found) == 0 {
		return one(OK, "the data folder "+dir+" can be read and written", "", "")
	}
	return found
}

// lookAbove tells whether a directory that is not there could be made.
func (e *exam) lookAbove(dir string) []Finding {
	above := existing(dir)
	if err := tryWrite(above); err != nil {
		return one(Problem, fmt.Sprintf("the data folder %s does not exist, and cannot be made in %s: %v", dir, above, err), writeWhy(err), writeDo(err, above))
	}
	return one(Note, "the data folder "+dir+" does not exist yet", "", "the first start makes it")
}

// existing returns a directory, or the next one above it that is there.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// tryWrite makes a file and removes it again.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func writeWhy(err error) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "its file system is mounted read-only: by choice, or since the disk failed"
	case errors.Is(err, fs.ErrPermission):
		return "it belongs to another user, or its mode does not allow it"
	case errors.Is(err, syscall.ENOSPC):
		return "no space, or no room for another file, is left"
	}
	return "the node keeps everything there"
}

func writeDo(err error, dir string) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "look at the kernel's log (dmesg) and mount it anew, or choose another --data-dir"
	case errors.Is(err, fs.ErrPermission):
		return "run p2pchain as the owner of " + dir + ", or give it to yourself with chown -R"
	case errors.Is(err, syscall.ENOSPC):
		return "free some space"
	}
	return "choose another --data-dir"
}

// entries lists the files of a directory that the node reads and writes, the store's too.
func (e *exam) entries(dir string) []string {
	var paths []string
	for _, folder := range []string{dir, node.StoreDir(dir)} {
		list, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, entry := range list {
			paths = append(paths, filepath.Join(folder, entry.Name()))
		}
	}
	return paths
}

// lookAtFile tells of an owner that is not us, of a secret that others can read, and of a key that is none.
func (e *exam) lookAtFile(path string) []Finding {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // gone meanwhile
	}
	if owner := ownerOf(info); owner >= 0 && e.system.uid() > 0 && owner != e.system.uid() {
		return one(Problem, fmt.Sprintf("%s belongs to another user (uid %d)", path, owner),
			"the node cannot replace it; a start with sudo leaves such files", "sudo chown -R $(id -u) "+e.cfg.Dir)
	}
	for _, secret := range node.SecretFiles() {
		if filepath.Base(path) == secret && info.Mode().Perm()&0o077 != 0 && ownerOf(info) >= 0 {
			return one(Problem, fmt.Sprintf("others can read %s (mode %04o)", path, info.Mode().Perm()),
				"whoever reads it can act as this node", "chmod 600 "+path)
		}
	}
	if filepath.Base(path) == "identity.key" {
		if _, err := p2p.LoadIdentity(path); err != nil {
			return one(Problem, err.Error(), "the node does not start without its key",
				"put it back from a copy, or move it away: then the node makes a new key, and is another node to all others")
		}
	}
	return nil
}
