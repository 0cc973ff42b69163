package notary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrGit means that git is not installed, or could not do what was asked of it, in its own words.
var ErrGit = errors.New("git")

// A Commit is what a repository says about a commit, with the list of its blobs as they are stored.
type Commit struct {
	Repository   string // base name of its folder
	Commit, Tree string
	List         List
	Pointers     int  // of the files, those that only point to content in Git LFS
	Head         bool // it is what is checked out
	Changed, New int  // of the files that are checked out: changed since the commit, and unknown to git
}

// Commit hashes the blobs of a commit, which any name that git knows stands for, and writes the list of
// them. Blobs are hashed as they are stored, without what filters make of them in a work tree; that of a
// symbolic link holds the path it leads to. Nothing is changed, and nothing fetched that git can be told
// not to fetch. Errors may wrap ErrGit.
func (h *Hasher) Commit(ctx context.Context, dir, revision string, out io.Writer) (Commit, error) {
	g := &repository{h: h, dir: dir}
	c, err := g.resolve(ctx, revision)
	if err != nil {
		return Commit{}, err
	}
	blobs, err := g.tree(ctx, &c)
	if err != nil {
		return Commit{}, err
	}
	w := newListWriter(out)
	w.list.LeftOut = c.List.LeftOut
	if err := g.hash(ctx, blobs, w, &c); err != nil {
		return Commit{}, err
	}
	if c.List, err = w.end(); err != nil {
		return Commit{}, err
	}
	return c, g.state(ctx, &c)
}

// A repository asks git about one.
type repository struct {
	h   *Hasher
	dir string
}

// command prepares a call of git that reads nothing from a terminal, takes no lock, runs no hook, and
// shows objects as they are rather than what replaces them.
func (g *repository) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", g.dir, "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0")
	return cmd
}

// ask returns what git answers.
func (g *repository) ask(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := g.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", g.failed(ctx, err, stderr.String())
	}
	return stdout.String(), nil
}

// failed says why a call of git failed.
func (g *repository) failed(ctx context.Context, err error, stderr string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w is not installed, or not in PATH", ErrGit)
	}
	words, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if words == "" {
		return fmt.Errorf("%w: %w", ErrGit, err)
	}
	return fmt.Errorf("%w: %s", ErrGit, strings.TrimPrefix(words, "fatal: "))
}

// resolve finds the commit.
func (g *repository) resolve(ctx context.Context, revision string) (Commit, error) {
	folder, err := g.ask(ctx, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return Commit{}, fmt.Errorf("%s: %w", g.dir, err)
	}
	c := Commit{Repository: repositoryName(lastLine(folder))}
	if top, err := g.ask(ctx, "rev-parse", "--show-toplevel"); err == nil && lastLine(top) != "" { // a bare one has none
		c.Repository = filepath.Base(lastLine(top))
	}
	id, err := g.ask(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return Commit{}, g.unknown(ctx, revision, err)
	}
	tree, err := g.ask(ctx, "rev-parse", "--verify", "--end-of-options", lastLine(id)+"^{tree}")
	if err != nil {
		return Commit{}, err
	}
	head, err := g.ask(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	c.Commit, c.Tree, c.Head = lastLine(id), lastLine(tree), err == nil && head == id
	return c, ctx.Err()
}

// unknown says why no commit was found.
func (g *repository) unknown(ctx context.Context, revision string, err error) error {
	if ctx.Err() != nil || errors.Is(err, exec.ErrNotFound) {
		return err
	}
	err = fmt.Errorf("%s has no commit %q: %w", g.dir, revision, ErrGit)
	if shallow, askErr := g.ask(ctx, "rev-parse", "--is-shallow-repository"); askErr == nil && lastLine(shallow) == "true" {
		err = fmt.Errorf("%w: it is a shallow clone, which lacks older commits; git fetch --unshallow gets them", err)
	} else if commits, askErr := g.ask(ctx, "rev-list", "-n", "1", "--all"); askErr == nil && commits == "" {
		err = fmt.Errorf("%w: it has no commits yet", err)
	}
	return err
}

// repositoryName names a repository without a work tree by its folder.
func repositoryName(gitDir string) string {
	if filepath.Base(gitDir) == ".git" {
		gitDir = filepath.Dir(gitDir)
	}
	return strings.TrimSuffix(filepath.Base(gitDir), ".git")
}

func lastLine(text string) string { return strings.TrimSuffix(text, "\n") }

// A blob is a file of a commit.
type blob struct{ id, path string }

// tree lists the blobs of a commit, in the order of git, which is that of the bytes of whole paths.
func (g *repository) tree(ctx context.Context, c *Commit) ([]blob, error) {
	text, err := g.ask(ctx, "ls-tree", "-r", "-z", "--full-tree", c.Commit)
	if err != nil {
		return nil, err
	}
	var out []blob
	for entry := range strings.SplitSeq(strings.TrimSuffix(text, "\x00"), "\x00") {
		if entry == "" {
			continue // of a commit without files
		}
		about, path, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(about) // mode, kind, id
		switch {
		case !ok || len(fields) != 3:
			return nil, fmt.Errorf("%w: an entry of its tree reads %.80q", ErrGit, entry)
		case fields[1] == "commit":
			c.List.LeftOut.add(&c.List.LeftOut.Submodules, path)
		default:
			out = append(out, blob{fields[2], path})
		}
	}
	return out, nil
}

// state says how the work tree differs from the commit, if that is checked out.
func (g *repository) state(ctx context.Context, c *Commit) error {
	if inside, err := g.ask(ctx, "rev-parse", "--is-inside-work-tree"); err != nil || lastLine(inside) != "true" || !c.Head {
		return ctx.Err()
	}
	text, err := g.ask(ctx, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal")
	if err != nil {
		return err
	}
	for entry := range strings.SplitSeq(strings.TrimSuffix(text, "\x00"), "\x00") {
		switch {
		case entry == "":
		case strings.HasPrefix(entry, "??"):
			c.New++
		default:
			c.Changed++
		}
	}
	return nil
}
