package notary_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pchain/cmd/internal/notary"
	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

// put writes a file below a folder, which is made.
func put(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

// list hashes a directory.
func list(t testing.TB, dir string) (notary.List, string) {
	t.Helper()
	var out bytes.Buffer
	l, err := notary.NewHasher(nil).Directory(t.Context(), dir, &out)
	if err != nil {
		t.Fatal(err)
	}
	if sum := core.Hash(sha256.Sum256(out.Bytes())); sum != l.SHA256 {
		t.Errorf("the list has the hash %v, said was %v", sum, l.SHA256)
	}
	return l, out.String()
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{0, 1, 511, 512, 513, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 7} {
		content := strings.Repeat("x", size)
		var done, all uint64
		h := notary.NewHasher(func(_ string, d, a, _ uint64) { done, all = d, a })
		c, err := h.File(t.Context(), put(t, dir, "f", content))
		if err != nil || c.Size != uint64(size) || c.SHA256 != core.Hash(sha256.Sum256([]byte(content))) || len(c.Head) != min(size, 512) {
			t.Errorf("%d bytes: %+v, %v", size, c, err)
		}
		if done != uint64(size) || all != uint64(size) {
			t.Errorf("%d bytes: the last progress is %d of %d", size, done, all)
		}
	}
}

// TestSparseFile hashes a file that is larger than memory may be, in memory that is not: 64 MiB, and 20
// GiB with P2PCHAIN_LONG.
func TestSparseFile(t *testing.T) {
	size, want := int64(64<<20), "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"
	if os.Getenv("P2PCHAIN_LONG") != "" {
		size, want = 20<<30, ""
	}
	path := put(t, t.TempDir(), "sparse", "")
	if err := os.Truncate(path, size); err != nil {
		t.Skip(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := notary.NewHasher(nil).File(t.Context(), path)
	runtime.ReadMemStats(&after)
	if err != nil || c.Size != uint64(size) || want != "" && c.SHA256.String() != want {
		t.Errorf("%+v, %v", c, err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes of memory were taken for a file of %d", grown, size)
	}
}

// TestChangedFile: whatever happens to a file while it is read is noticed.
func TestChangedFile(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grows": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString("more")
				err = errors.Join(err, f.Close())
			}
			return err
		},
		"is cut":     func(path string) error { return os.Truncate(path, 2<<20) },
		"is emptied": func(path string) error { return os.Truncate(path, 0) },
		"is replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+"2", nil, 0o644), os.Rename(path+"2", path))
		},
		"disappears": os.Remove,
		"is overwritten": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte("y"), 0)
				err = errors.Join(err, f.Close(), os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour))) // clocks of files may be coarse
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, once := put(t, dir, "sub/f", strings.Repeat("x", 5<<20)), false
			h := notary.NewHasher(func(_ string, done, _, _ uint64) {
				if done >= 3<<20 && !once {
					once = true
					if err := change(path); err != nil {
						t.Error(err)
					}
				}
			})
			if c, err := h.File(t.Context(), path); !errors.Is(err, notary.ErrChanged) {
				t.Errorf("File = %+v, %v, want ErrChanged", c, err)
			}
			put(t, dir, "sub/f", strings.Repeat("x", 5<<20))
			once = false
			if l, err := h.Directory(t.Context(), dir, io.Discard); !errors.Is(err, notary.ErrChanged) {
				t.Errorf("Directory = %+v, %v, want ErrChanged", l, err)
			}
		})
	}
}

// TestChangedDirectory: a name that comes or goes in a directory that is being read is noticed.
func TestChangedDirectory(t *testing.T) {
	for name, change := range map[string]func(dir string) error{
		"comes": func(dir string) error { return os.WriteFile(filepath.Join(dir, "a0"), nil, 0o644) },
		"goes":  func(dir string) error { return os.Remove(filepath.Join(dir, "z")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, once := t.TempDir(), false
			put(t, dir, "a", "1")
			put(t, dir, "b", "2")
			put(t, dir, "z", "3")
			if err := os.Chtimes(dir, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
			h := notary.NewHasher(func(what string, _, _, _ uint64) {
				if strings.HasSuffix(what, "b") && !once {
					once = true
					if err := change(dir); err != nil {
						t.Error(err)
					}
				}
			})
			if l, err := h.Directory(t.Context(), dir, io.Discard); !errors.Is(err, notary.ErrChanged) {
				t.Errorf("Directory = %+v, %v, want ErrChanged", l, err)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	file := put(t, dir, "f", "x")
	h := notary.NewHasher(nil)
	if _, err := h.File(t.Context(), dir); !errors.Is(err, notary.ErrNotFile) || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("File of a directory = %v", err)
	}
	if _, err := h.Directory(t.Context(), file, io.Discard); !errors.Is(err, notary.ErrNotDirectory) {
		t.Errorf("Directory of a file = %v", err)
	}
	for _, err := range []error{second(h.File(t.Context(), file+"x")), second(h.Directory(t.Context(), file+"x", io.Discard))} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, want ErrNotExist", err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.File(ended, file); !errors.Is(err, context.Canceled) {
		t.Errorf("File after the end = %v", err)
	}
	if err := os.Chmod(file, 0); err != nil || os.Geteuid() == 0 {
		return // who may read everything
	}
	if _, err := h.Directory(t.Context(), dir, io.Discard); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Directory with a file that cannot be read = %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestDirectory compares with what sha256sum prints, and lets it check the list: names of every kind that
// a file system takes, and an order that does not depend on directories.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	names := []string{"aa", "a-b/x", "a/x", "a/y/z", "a.b", "ü", "U", " lead", "trail ", "-dash", "*star", "\\back", "new\nline", "cr\r", "tab\t", "\xff\xfe", "日本", ".hidden", "a\\n", "CON"}
	if runtime.GOOS != "linux" {
		names = []string{"aa", "a-b/x", "a/x", "a/y/z", "a.b", "U", ".hidden"}
	}
	for i, name := range names {
		put(t, dir, name, strings.Repeat("x", i))
	}
	l, text := list(t, dir)
	if l.Files != uint64(len(names)) || l.Size != uint64(len(names)*(len(names)-1)/2) {
		t.Errorf("%+v, want %d files", l, len(names))
	}
	var sorted []string
	for line := range strings.Lines(text) {
		_, name, _ := strings.Cut(line, "  ")
		if line[0] == '\\' {
			name = strings.NewReplacer(`\\`, "\\", `\n`, "\n", `\r`, "\r").Replace(name)
		}
		sorted = append(sorted, strings.TrimSuffix(name, "\n"))
	}
	slices.Sort(names)
	if !slices.Equal(sorted, names) {
		t.Errorf("the list has the names %q, want %q", sorted, names)
	}
	tool, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("no sha256sum here")
	}
	print := exec.Command(tool, append([]string{"--"}, names...)...)
	print.Dir = dir
	if want, err := print.Output(); err != nil || string(want) != text {
		t.Errorf("sha256sum prints\n%s(%v), the list is\n%s", want, err, text)
	}
	check := exec.Command(tool, "--check", "--strict", "--quiet", "-")
	check.Dir, check.Stdin = dir, strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum --check: %v\n%s", err, out)
	}
}

// TestLeftOut: what has no content of its own is counted and named, and never opened or followed.
func TestLeftOut(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "sub/f", "x")
	for i := range 7 {
		if err := os.Symlink("..", filepath.Join(dir, "sub", fmt.Sprint("link", i))); err != nil {
			t.Skip(err)
		}
	}
	l, text := list(t, dir)
	if l.Files != 1 || l.LeftOut.Links != 7 || l.LeftOut.Count() != 7 || len(l.LeftOut.Named) != 5 || l.LeftOut.Named[0] != "sub/link0" || strings.Contains(text, "link") {
		t.Errorf("%+v\n%s", l, text)
	}
	empty, text := list(t, t.TempDir())
	if empty.Files != 0 || text != "" {
		t.Errorf("an empty directory: %+v %q", empty, text)
	}
}

// TestManyFiles lists 1,000 files in a tree, 10,000 with P2PCHAIN_LONG, twice the same, and another list if
// one byte differs.
func TestManyFiles(t *testing.T) {
	dir, each := t.TempDir(), 10 // making them is what takes long
	if os.Getenv("P2PCHAIN_LONG") != "" {
		each = 100
	}
	rng := random.Source(t)
	for i := range 100 {
		sub := filepath.Join(dir, fmt.Sprintf("%x", rng.Uint32()), fmt.Sprint(i))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		for j := range each {
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(j)), []byte{byte(i), byte(j)}, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, text := list(t, dir)
	again, _ := list(t, dir)
	if first.Files != uint64(100*each) || first.SHA256 != again.SHA256 || strings.Count(text, "\n") != 100*each {
		t.Errorf("%+v, then %+v", first, again)
	}
	_, name, _ := strings.Cut(strings.SplitN(text, "\n", 2)[0], "  ")
	put(t, dir, name, "other")
	if other, _ := list(t, dir); other.SHA256 == first.SHA256 {
		t.Error("another file gives the same list")
	}
}

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "list")
	write := func(text string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	broken := errors.New("broken")
	if err := notary.Keep(path, func(w io.Writer) error { return errors.Join(write("half")(w), broken) }); !errors.Is(err, broken) {
		t.Errorf("Keep = %v", err)
	}
	for _, tt := range []struct {
		text string
		want error
	}{{"one\n", nil}, {"one\n", nil}, {"two\n", notary.ErrExists}, {"one\nmore", notary.ErrExists}, {"", notary.ErrExists}} {
		if err := notary.Keep(path, write(tt.text)); !errors.Is(err, tt.want) {
			t.Errorf("Keep(%q) = %v, want %v", tt.text, err, tt.want)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "one\n" {
			t.Errorf("after Keep(%q) the file holds %q, %v", tt.text, text, err)
		}
	}
	if err := notary.Keep(dir, write("x")); !errors.Is(err, notary.ErrExists) {
		t.Errorf("Keep over a directory = %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestInside(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "photos/a/f", "")
	put(t, dir, "photos-2/f", "")
	for file, want := range map[string]bool{"photos.sha256": false, "photos/x": true, "photos/a/x": true, "photos-2/x": false, "photos/a/../../x": false} {
		if got, err := notary.Inside(filepath.Join(dir, "photos"), filepath.Join(dir, file)); err != nil || got != want {
			t.Errorf("Inside(photos, %s) = %v, %v", file, got, err)
		}
	}
}

func TestMediaType(t *testing.T) {
	for _, tt := range []struct{ name, head, want string }{
		{"report.PDF", "hello", "application/pdf"},
		{"letter.docx", "PK", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"noending", "%PDF-1.7", "application/pdf"},
		{"noending", "\x89PNG\r\n\x1a\n", "image/png"},
		{"noending", "just text", "text/plain"},
		{"noending", "", "application/octet-stream"},
		{"x.unknown", "\x00\x01\x02", "application/octet-stream"},
	} {
		if got := notary.MediaType(tt.name, []byte(tt.head)); got != tt.want {
			t.Errorf("MediaType(%s, %q) = %s, want %s", tt.name, tt.head, got, tt.want)
		}
	}
}

func BenchmarkFile(b *testing.B) {
	path := put(b, b.TempDir(), "f", strings.Repeat("0123456789abcdef", 4<<20))
	h := notary.NewHasher(nil)
	b.SetBytes(64 << 20)
	for b.Loop() {
		if _, err := h.File(b.Context(), path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDirectory(b *testing.B) {
	dir := b.TempDir()
	for i := range 1_000 {
		put(b, dir, fmt.Sprintf("%d/%d", i%10, i), "some content")
	}
	for b.Loop() {
		list(b, dir)
	}
	b.ReportMetric(1_000*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}
