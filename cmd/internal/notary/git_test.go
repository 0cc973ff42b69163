package notary_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"p2pchain/cmd/internal/notary"
	"p2pchain/core"
)

// A repo is a repository that a test makes by git itself.
type repo struct {
	t   *testing.T
	dir string
}

// newRepo makes one without a commit. No configuration of the machine reaches it.
func newRepo(t *testing.T, args ...string) *repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
		"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
	} {
		t.Setenv(name, value)
	}
	r := &repo{t, filepath.Join(t.TempDir(), "tool")}
	run(t, "", "git", append(append([]string{"init", "-q", "-b", "main"}, args...), r.dir)...)
	return r
}

func run(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	return run(r.t, "", "git", append([]string{"-C", r.dir}, args...)...)
}

func (r *repo) commit(message string) string {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

// look hashes a commit.
func (r *repo) look(revision string) (notary.Commit, string) {
	r.t.Helper()
	var out bytes.Buffer
	c, err := notary.NewHasher(nil).Commit(r.t.Context(), r.dir, revision, &out)
	if err != nil {
		r.t.Fatal(err)
	}
	if c.List.SHA256 != core.Hash(sha256.Sum256(out.Bytes())) {
		r.t.Errorf("the list of %s has another hash than was said", revision)
	}
	return c, out.String()
}

// TestCommit compares every blob with what git shows of it.
func TestCommit(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			r := newRepo(t, "--object-format="+format)
			files := map[string]string{
				"a": "1\n", "a-b/x": "2", "a.d/x": "3", "sub/deep/f": strings.Repeat("long\r\n", 300_000), "empty": "", "new\nline": "4", "ü \\": "5",
				"big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", ".gitattributes": "*.txt text\n",
			}
			for name, content := range files {
				put(t, r.dir, name, content)
			}
			if err := os.Symlink("a", filepath.Join(r.dir, "link")); err != nil {
				t.Fatal(err)
			}
			files["link"] = "a"
			first := r.commit("first")
			r.git("update-index", "--add", "--cacheinfo", "160000,"+first+",module")
			r.git("commit", "-q", "-m", "with a submodule")
			c, text := r.look("HEAD")
			if c.Repository != "tool" || c.Commit != r.git("rev-parse", "HEAD") || c.Tree != r.git("rev-parse", "HEAD^{tree}") {
				t.Errorf("%+v", c)
			}
			if c.List.Files != uint64(len(files)) || c.List.LeftOut.Submodules != 1 || c.List.LeftOut.Named[0] != "module" || c.Pointers != 1 || !c.Head {
				t.Errorf("%+v, want %d files", c, len(files))
			}
			for name, content := range files {
				sum := sha256.Sum256([]byte(content))
				line := hex.EncodeToString(sum[:]) + "  " + name + "\n"
				if strings.ContainsAny(name, "\n\\") {
					line = `\` + hex.EncodeToString(sum[:]) + "  " + strings.NewReplacer("\n", `\n`, `\`, `\\`).Replace(name) + "\n"
				}
				if !strings.Contains("\n"+text, "\n"+line) {
					t.Errorf("the list lacks %q:\n%s", line, text)
				}
			}
			// A directory with the same files has the same list, but for the link.
			plain := t.TempDir()
			for name, content := range files {
				put(t, plain, name, content)
			}
			if _, other := list(t, plain); other != text {
				t.Errorf("the directory has the list\n%s\nthe commit\n%s", other, text)
			}
			old, _ := r.look(first[:12])
			if old.Commit != first || old.Head || old.List.LeftOut.Count() != 0 || old.List.SHA256 != c.List.SHA256 {
				t.Errorf("the first commit: %+v", old)
			}
		})
	}
}

// TestCommitOfChangedTree: what is not committed is not hashed, and counted.
func TestCommitOfChangedTree(t *testing.T) {
	r := newRepo(t)
	put(t, r.dir, "a", "1")
	put(t, r.dir, "b", "1")
	r.commit("first")
	clean, text := r.look("HEAD")
	put(t, r.dir, "a", "2")
	r.git("rm", "-q", "--cached", "b")
	put(t, r.dir, "new/file", "3")
	c, now := r.look("main")
	if clean.Changed+clean.New != 0 || c.Changed != 2 && c.Changed != 1 || c.New < 1 || now != text {
		t.Errorf("clean %+v, then %+v", clean, c)
	}
	sub := filepath.Join(r.dir, "new") // the whole commit, from a folder in it too
	if c, err := notary.NewHasher(nil).Commit(t.Context(), sub, "HEAD", io.Discard); err != nil || c.List.SHA256 != clean.List.SHA256 || c.Repository != "tool" {
		t.Errorf("from a folder: %+v, %v", c, err)
	}
}

// TestReplacedObjects: what replaces an object for git's users does not change what is hashed.
func TestReplacedObjects(t *testing.T) {
	r := newRepo(t)
	put(t, r.dir, "a", "1")
	r.commit("first")
	_, text := r.look("HEAD")
	forged := run(t, "forged", "git", "-C", r.dir, "hash-object", "-w", "--stdin")
	r.git("replace", r.git("rev-parse", "HEAD:a"), forged)
	if shown := r.git("show", "HEAD:a"); shown != "forged" {
		t.Fatalf("git shows %q", shown)
	}
	if _, now := r.look("HEAD"); now != text {
		t.Errorf("the list became\n%s", now)
	}
}

func TestBareRepository(t *testing.T) {
	r := newRepo(t)
	put(t, r.dir, "a", "1")
	r.commit("first")
	bare := &repo{t, filepath.Join(t.TempDir(), "store.git")}
	run(t, "", "git", "clone", "-q", "--bare", r.dir, bare.dir)
	if c, _ := bare.look("HEAD"); c.Repository != "store" || c.List.Files != 1 || c.Changed+c.New != 0 {
		t.Errorf("%+v", c)
	}
	empty := newRepo(t)
	empty.commit("nothing in it")
	if c, text := empty.look("HEAD"); c.List.Files != 0 || text != "" {
		t.Errorf("a commit without files: %+v %q", c, text)
	}
}

// TestCommitErrors: each thing that can be wrong is said in words.
func TestCommitErrors(t *testing.T) {
	r := newRepo(t)
	fails := func(dir, revision, want string) {
		t.Helper()
		c, err := notary.NewHasher(nil).Commit(t.Context(), dir, revision, io.Discard)
		if !errors.Is(err, notary.ErrGit) || !strings.Contains(err.Error(), want) {
			t.Errorf("Commit(%s) = %+v, %v, want %q", revision, c, err, want)
		}
	}
	fails(r.dir, "HEAD", "it has no commits yet")
	put(t, r.dir, "a", "1")
	r.commit("first")
	put(t, r.dir, "a", "2")
	first := r.git("rev-parse", "HEAD")
	r.commit("second")
	fails(r.dir, "nowhere", `has no commit "nowhere"`)
	fails(r.dir, "--help", `has no commit "--help"`)
	fails(r.dir, "HEAD:a", `has no commit "HEAD:a"`)
	fails(t.TempDir(), "HEAD", "not a git repository")
	fails(filepath.Join(r.dir, "nowhere"), "HEAD", "cannot change to")
	shallow := filepath.Join(t.TempDir(), "shallow")
	run(t, "", "git", "clone", "-q", "--depth", "1", "file://"+r.dir, shallow)
	fails(shallow, first, "it is a shallow clone")
	if c, err := notary.NewHasher(nil).Commit(t.Context(), shallow, "HEAD", io.Discard); err != nil || c.List.Files != 1 {
		t.Errorf("the last commit of a shallow clone: %+v, %v", c, err)
	}
	id := r.git("rev-parse", "HEAD:a")
	if err := os.Remove(filepath.Join(r.dir, ".git", "objects", id[:2], id[2:])); err != nil {
		t.Fatal(err)
	}
	fails(r.dir, "HEAD", "a: its content is not in this repository")
	t.Setenv("PATH", "")
	fails(r.dir, "HEAD", "git is not installed")
}
