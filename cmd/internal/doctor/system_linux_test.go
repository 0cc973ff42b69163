package doctor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/cmd/internal/node"
)

// holdLock locks a store until standard input ends.
func holdLock(dir string) {
	lock, err := vfs.Default.Lock(filepath.Join(node.StoreDir(dir), "LOCK"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	_ = lock.Close()
}

// TestLockHolder finds out who has a store, and leaves it to him.
func TestLockHolder(t *testing.T) {
	dir := t.TempDir()
	if got := node.Holder(dir); got != 0 {
		t.Errorf("no file: %d", got)
	}
	if err := os.Mkdir(node.StoreDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), childEnv+"=hold")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for range 2 {
		if got := node.Holder(dir); got != cmd.Process.Pid {
			t.Errorf("held by %d, want %d", got, cmd.Process.Pid)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := node.Holder(dir); got != 0 {
		t.Errorf("after its end: %d", got)
	}
}

// apart runs f on a thread of its own, which ends with it: what it changes of itself is nobody else's.
func apart(t *testing.T, f func() error) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this needs root")
	}
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		ended <- f()
	}()
	if err := <-ended; err != nil {
		t.Skipf("this machine does not let us: %v", err)
	}
}

func TestFiles(t *testing.T) {
	write := func(t *testing.T, path string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		edit  func(*testing.T, *exam)
		level Level
		words string
	}{
		{"fine", func(t *testing.T, e *exam) { write(t, filepath.Join(e.cfg.Dir, "api.token"), 0o600) }, OK, "can be read and written"},
		{"not there yet", func(_ *testing.T, e *exam) { e.cfg.Dir += "/a/b" }, Note, "does not exist yet"},
		{"a file", func(t *testing.T, e *exam) { e.cfg.Dir += "/f"; write(t, e.cfg.Dir, 0o600) }, Problem, "is no folder"},
		{"below a file", func(t *testing.T, e *exam) {
			write(t, e.cfg.Dir+"/f", 0o600)
			e.cfg.Dir += "/f/x"
		}, Problem, "owner and mode of the folders above"},
		{"a token for all to read", func(t *testing.T, e *exam) { write(t, filepath.Join(e.cfg.Dir, "api.token"), 0o644) }, Problem, "chmod 600"},
		{"a certificate's key for all to read", func(t *testing.T, e *exam) { write(t, filepath.Join(e.cfg.Dir, "api.key"), 0o644) }, Problem, "api.key (mode 0644)"},
		{"a key for the group to read", func(t *testing.T, e *exam) { write(t, filepath.Join(e.cfg.Dir, "identity.key"), 0o640) }, Problem, "mode 0640"},
		{"a key that is none", func(t *testing.T, e *exam) { write(t, filepath.Join(e.cfg.Dir, "identity.key"), 0o600) }, Problem, "makes a new key"},
		{"started with sudo once", func(t *testing.T, e *exam) {
			write(t, filepath.Join(e.cfg.Dir, "main.chain"), 0o600)
			e.system.uid = func() int { return 12345 }
		}, Problem, "sudo chown -R"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			tt.edit(t, e)
			expect(t, e.lookAtFiles(t.Context()), tt.level, tt.words)
		})
	}
}

// TestFilesOfOthers looks at a folder as a user to whom it does not belong.
func TestFilesOfOthers(t *testing.T) {
	e := healthy(t)
	for _, dir := range []string{e.cfg.Dir, filepath.Dir(e.cfg.Dir)} { // which is ours alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var found, above []Finding
	apart(t, func() error {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
			return errno
		}
		found = e.lookAtFiles(t.Context())
		e.cfg.Dir += "/new"
		above = e.lookAtFiles(t.Context())
		return nil
	})
	expect(t, found, Problem, "belongs to another user")
	expect(t, above, Problem, "cannot be made in")
}

// TestReadOnly looks at a folder on a file system that is mounted read-only.
func TestReadOnly(t *testing.T) {
	e := healthy(t)
	var found, disk []Finding
	apart(t, func() error {
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			return err
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		if err := unix.Mount("none", e.cfg.Dir, "tmpfs", unix.MS_RDONLY, "size=2m"); err != nil {
			return err
		}
		found = e.lookAtFiles(t.Context())
		e.system.fileSystem = fileSystemOf
		disk = e.lookAtDisk(t.Context())
		return nil
	})
	expect(t, found, Problem, "mounted read-only")
	expect(t, disk, Warning, "in memory")
}

func TestKindOf(t *testing.T) {
	for magic, want := range map[int64]string{
		unix.TMPFS_MAGIC: memoryDisk, unix.NFS_SUPER_MAGIC: networkDisk, unix.SMB2_SUPER_MAGIC: networkDisk,
		unix.OVERLAYFS_SUPER_MAGIC: containerDisk, unix.EXT4_SUPER_MAGIC: "",
	} {
		if got := kindOf(magic); got != want {
			t.Errorf("kindOf(%x) = %q, want %q", magic, got, want)
		}
	}
}

// TestHolder finds this program at a port that it has.
func TestHolder(t *testing.T) {
	_, port := listen(t)
	want := fmt.Sprintf("(process %d)", os.Getpid())
	if got := holderOf("tcp", port); !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %s", got, want)
	}
	if got := holderOf("tcp", 1); got != "" {
		t.Errorf("nobody is there, but %q", got)
	}
	if got := socketsAt("x\n 0: 0100007F:0050 00000000:0000 01 a b c d e 99\n 1: 0100007F:0050 0:0 0A a b c d e 77\n", "tcp", 80); len(got) != 1 || got[0] != "77" {
		t.Errorf("%v, want the one that listens", got)
	}
}

// A space is a network namespace with one interface, in which a copy of the test program looks around.
type space struct {
	t    *testing.T
	name string
}

func newSpace(t *testing.T) space {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need the ip command (Debian: iproute2)")
	}
	s := space{t, fmt.Sprintf("p2pcdoc%d", os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", s.name).CombinedOutput(); err != nil {
		t.Skipf("this machine makes no network namespaces: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", s.name).Run() })
	s.run("ip", "link", "set", "lo", "up")
	return s
}

func (s space) run(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("ip", append([]string{"netns", "exec", s.name}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

// look returns what one part finds there.
func (s space) look(part string) []Finding {
	s.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", s.name, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	out, err := cmd.Output()
	var found []Finding
	if err != nil || json.Unmarshal(out, &found) != nil {
		s.t.Fatalf("%s: %v: %s", part, err, out)
	}
	return found
}

// TestMulticastAndFirewall sends and hears real packets, with and without a real firewall.
func TestMulticastAndFirewall(t *testing.T) {
	s := newSpace(t)
	expect(t, s.look("multicast"), Warning, "no interface can do multicast")
	s.run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
	s.run("ip", "link", "set", "lan1", "up")
	s.run("ip", "link", "set", "lan0", "up")
	s.run("ip", "addr", "add", "10.77.0.1/24", "dev", "lan0")
	s.run("ip", "addr", "add", "fd77::1/64", "dev", "lan0", "nodad")
	expect(t, s.look("multicast"), OK, "lan0: multicast is sent and heard")
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("a firewall needs the nft command (Debian: nftables)")
	}
	expect(t, s.look("firewall"), OK, "")

	s.run("nft", "add table inet f; add chain inet f in { type filter hook input priority 0; policy drop; }")
	expect(t, s.look("multicast"), Warning, "allow incoming UDP to port 5353")
	expect(t, s.look("firewall"), Warning, "TCP port 22345 (other nodes), UDP port 5353")

	s.run("nft", "add rule inet f in udp dport 5353 accept")
	expect(t, s.look("multicast"), OK, "lan0")
	expect(t, s.look("firewall"), Warning, "TCP port 22345")
	s.run("nft", "add rule inet f in tcp dport 22345 accept")
	expect(t, s.look("firewall"), OK, "lets in")

	s.run("nft", "add chain inet f out { type filter hook output priority 0; policy drop; }")
	expect(t, s.look("multicast"), Warning, "allow outgoing UDP to port 5353")
	s.run("nft", "flush ruleset")
	s.run("nft", "add table ip6 f; add chain ip6 f out { type filter hook output priority 0; policy drop; }")
	expect(t, s.look("multicast"), Note, "one kind of addresses only")
}
