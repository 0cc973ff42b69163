package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"

	"p2pchain/api"
)

// listen takes a port of this machine.
func listen(t *testing.T) (addr string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), l.Addr().(*net.TCPAddr).Port
}

func TestPorts(t *testing.T) {
	taken, port := listen(t)
	for _, tt := range []struct {
		name  string
		edit  func(*exam)
		level Level
		words string
	}{
		{"free", func(e *exam) { e.cfg.HTTP = "127.0.0.1:0" }, OK, "the ports are free"},
		{"API taken", func(e *exam) { e.cfg.HTTP = taken }, Problem, taken + " is taken by nginx (process 7)"},
		{"peers' port taken", func(e *exam) { e.cfg.Listen = []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)} }, Problem, "is taken by nginx"},
		{"not ours", func(e *exam) { e.cfg.Listen = []string{"/ip4/192.0.2.1/udp/1/quic-v1"} }, Problem, "not an address of this machine"},
		{"a socket", func(e *exam) { e.cfg.HTTP = "unix:///x" }, OK, ""},
		{"the node answers", func(e *exam) {
			e.node = &api.Node{Addresses: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/x", port), "/ip4/192.0.2.1/tcp/1", "/ip4/127.0.0.1/udp/1/quic-v1"}}
		}, OK, "answers at its addresses"},
		{"the node does not answer", func(e *exam) { e.node = &api.Node{Addresses: []string{"/ip4/127.0.0.1/tcp/1"}} }, Warning, "does not answer at its own address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := healthy(t)
			tt.edit(e)
			expect(t, e.lookAtPorts(t.Context()), tt.level, tt.words)
		})
	}
}

func TestJudgePort(t *testing.T) {
	e := healthy(t)
	for _, tt := range []struct {
		err    error
		chosen bool
		level  Level
		words  string
	}{
		{syscall.EADDRINUSE, true, Problem, "taken by nginx"},
		{syscall.EADDRINUSE, false, Note, "take another port by itself"},
		{fs.ErrPermission, true, Problem, "ports below 1024"},
		{errors.New("x"), true, Problem, "x"},
	} {
		expect(t, e.judgePort("--http", "127.0.0.1:80", "tcp", 80, tt.chosen, tt.err), tt.level, tt.words)
	}
	if found := e.judgePort("--http", "", "tcp", 80, true, nil); found != nil {
		t.Errorf("a free port: %v", found)
	}
	e.system.holder = func(string, int) string { return "" }
	if found := e.judgePort("--http", "a:1", "tcp", 1, true, syscall.EADDRINUSE); strings.Contains(found[0].What, " by ") {
		t.Errorf("nobody knows by whom: %v", found)
	}
}
