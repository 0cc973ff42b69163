package deploytest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pchain/api/client"
	"p2pchain/core"
)

// patience is how long a wait for the containers may take, on a machine that is busy with other things.
const patience = 2 * time.Minute

// A container is one of the three nodes of docker-compose.yml.
type container struct {
	service string
	port    int // on this machine
	*client.Client
}

// name is what the engine calls it: docker-compose writes it with _, its successor with -.
func (c *container) name(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(docker(t, "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.service="+c.service))
}

// inspect returns what the engine knows of a container, by a template.
func (c *container) inspect(t *testing.T, template string) string {
	t.Helper()
	return strings.TrimSpace(docker(t, "inspect", "--format", template, c.name(t)))
}

// docker runs a command of the engine and returns what it printed.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// A fleet is the containers, and what was told to them.
type fleet struct {
	t     *testing.T
	nodes []*container
	told  map[core.Hash]string
}

// containers returns the three nodes, healthy and each with the two others as peers.
func containers(t *testing.T) *fleet {
	t.Helper()
	if os.Getenv("P2PCHAIN_CONTAINER") == "" {
		t.Skip("P2PCHAIN_CONTAINER is not set: make container starts the containers, and this test then")
	}
	f := &fleet{t: t, told: make(map[core.Hash]string)}
	for i := range 3 {
		port := 12345 + i
		c, err := client.New(fmt.Sprintf("http://127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		f.nodes = append(f.nodes, &container{fmt.Sprintf("node%d", i+1), port, c})
	}
	f.together(f.nodes...)
	return f
}

// until waits for something to be so, and says what was so instead where it does not come.
func until(t *testing.T, what string, so func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	for {
		err := so(ctx)
		if err == nil {
			t.Logf("%s: %.1fs", what, time.Since(began).Seconds())
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s: %v", patience, what, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// together waits until nodes are healthy, know each other and stand on the same tip.
func (f *fleet) together(nodes ...*container) {
	f.t.Helper()
	until(f.t, "together", func(ctx context.Context) error {
		var tip core.Hash
		for i, c := range nodes {
			if health := c.inspect(f.t, "{{.State.Health.Status}}"); health != "healthy" {
				return fmt.Errorf("%s is %s", c.service, health)
			}
			n, err := c.Node(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.service, err)
			}
			if n.Peers < len(nodes)-1 {
				return fmt.Errorf("%s has %d peers", c.service, n.Peers)
			}
			if i > 0 && n.Tip.Hash != tip {
				return fmt.Errorf("%s has the tip %v, not %v", c.service, n.Tip.Hash, tip)
			}
			tip = n.Tip.Hash
		}
		return nil
	})
}

// add tells a node some messages.
func (f *fleet) add(to *container, about string) {
	f.t.Helper()
	for i := range 5 {
		text := fmt.Sprintf("%s %d", about, i)
		r, err := to.Add(f.t.Context(), []byte(text), "")
		if err != nil {
			f.t.Fatalf("%s: adding %q: %v", to.service, text, err)
		}
		f.told[r.ID] = text
	}
}

// inside runs the program in a container, whose port may lead nowhere, and decodes what it prints.
func (c *container) inside(t *testing.T, to any, args ...string) {
	t.Helper()
	out := docker(t, slices.Concat([]string{"exec", c.name(t), "/p2pchain"}, args, []string{"--json"})...)
	if err := json.Unmarshal([]byte(out), to); err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
}

// nothingLost waits until every message that was ever told is confirmed on these nodes, as it was told.
func (f *fleet) nothingLost(nodes ...*container) {
	f.t.Helper()
	for _, c := range nodes {
		until(f.t, fmt.Sprintf("%d messages confirmed on %s", len(f.told), c.service), func(ctx context.Context) error {
			for id, text := range f.told {
				m, err := c.Message(ctx, id)
				if err != nil {
					return fmt.Errorf("%q: %w", text, err)
				}
				if m.Message == nil || *m.Message != text {
					f.t.Fatalf("%s has another text for %q", c.service, text)
				}
				if m.Status != client.StatusConfirmed {
					return fmt.Errorf("%q is %s", text, m.Status)
				}
			}
			return nil
		})
	}
}

// TestContainers does to three containers what happens to containers. Its steps build on each other.
func TestContainers(t *testing.T) {
	f := containers(t)
	one, two, three := f.nodes[0], f.nodes[1], f.nodes[2]
	t.Run("locked down", func(t *testing.T) { lockedDown(t, f) })
	t.Run("alone", alone)
	for _, step := range []struct {
		name string
		do   func(f *fleet)
	}{
		{"one adds", func(f *fleet) { f.add(one, "hello") }},
		{"paused", func(f *fleet) {
			docker(f.t, "pause", three.name(f.t))
			f.add(one, "while three stands still")
			f.nothingLost(one, two)
			docker(f.t, "unpause", three.name(f.t))
		}},
		{"killed inside", func(f *fleet) { killed(f, two) }},
		{"watched", func(f *fleet) { scraped(f.t) }},
		{"cut off", func(f *fleet) { cutOff(f, three) }},
		{"stopped and started", func(f *fleet) { stopped(f) }},
	} {
		ok := t.Run(step.name, func(t *testing.T) {
			f := &fleet{t, f.nodes, f.told}
			step.do(f)
			f.nothingLost(f.nodes...)
			f.together(f.nodes...)
		})
		if !ok {
			return
		}
	}
}

// killed ends a node's process from within, as a crash does; an engine that kills a container itself
// would not start it again.
func killed(f *fleet, c *container) {
	f.t.Helper()
	f.add(c, "just before the crash")
	var pid int
	if _, err := fmt.Sscan(c.inspect(f.t, "{{.State.Pid}}"), &pid); err != nil || pid <= 1 {
		f.t.Fatalf("pid %d: %v", pid, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		f.t.Fatal(err)
	}
	until(f.t, "started again", func(context.Context) error {
		if state := c.inspect(f.t, "{{.RestartCount}} {{.State.Running}}"); state != "1 true" {
			return fmt.Errorf("restarts and running: %s", state)
		}
		return nil
	})
}

// cutOff takes a node off the network, lets both sides seal blocks of their own, and brings it back.
func cutOff(f *fleet, c *container) {
	f.t.Helper()
	network := c.inspect(f.t, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}")
	docker(f.t, "network", "disconnect", network, c.name(f.t))
	for i := range 3 {
		text := fmt.Sprintf("on the small side %d", i)
		var r client.Receipt
		c.inside(f.t, &r, "add", "--wait", text)
		f.told[r.ID] = text
	}
	rest := &fleet{f.t, f.nodes, make(map[core.Hash]string)}
	rest.add(f.nodes[0], "on the large side")
	rest.nothingLost(f.nodes[0], f.nodes[1])
	for id := range rest.told {
		cmd := exec.CommandContext(f.t.Context(), "docker", "exec", c.name(f.t), "/p2pchain", "get", "message", id.String())
		if out, err := cmd.CombinedOutput(); err == nil {
			f.t.Fatalf("%s is cut off, and knows what was told to the others: %s", c.service, out)
		}
	}
	maps.Copy(f.told, rest.told)
	alerted(f.t, c.service)
	docker(f.t, "network", "connect", "--alias", c.service, network, c.name(f.t))
}

// stopped ends all nodes as an operator does, and starts them on their volumes again.
func stopped(f *fleet) {
	f.t.Helper()
	for _, c := range f.nodes {
		began := time.Now()
		docker(f.t, "stop", c.name(f.t))
		if code := c.inspect(f.t, "{{.State.ExitCode}}"); code != "0" {
			f.t.Errorf("%s ended with %s", c.service, code)
		}
		f.t.Logf("%s stopped in %.1fs", c.service, time.Since(began).Seconds())
	}
	for _, c := range f.nodes {
		docker(f.t, "start", c.name(f.t))
	}
}

// lockedDown holds the containers to what docs/containers.md says of them.
func lockedDown(t *testing.T, f *fleet) {
	for _, c := range f.nodes {
		for template, want := range map[string]string{
			"{{.Config.User}}":                   "65532:65532",
			"{{.HostConfig.ReadonlyRootfs}}":     "true",
			"{{.HostConfig.CapDrop}}":            "[ALL]",
			"{{.HostConfig.Privileged}}":         "false",
			"{{.HostConfig.SecurityOpt}}":        "[no-new-privileges:true]",
			"{{.HostConfig.RestartPolicy.Name}}": "unless-stopped",
			"{{len .Mounts}}":                    "1",
			"{{(index .Mounts 0).Destination}}":  "/data",
			"{{json .Config.Healthcheck.Test}}":  `["CMD","/p2pchain","health"]`,
			"{{json .NetworkSettings.Ports}}":    fmt.Sprintf(`{"12345/tcp":[{"HostIp":"127.0.0.1","HostPort":"%d"}],"22345/tcp":null,"22345/udp":null}`, c.port),
			"{{json .Config.Entrypoint}}":        `["/p2pchain"]`,
			"{{.HostConfig.LogConfig.Config}}":   "map[max-file:3 max-size:10m]",
			"{{.Config.StopTimeout}}":            "10",
		} {
			if got := c.inspect(t, template); got != want {
				t.Errorf("%s: %s is %s, want %s", c.service, template, got, want)
			}
		}
		if n, err := c.Node(t.Context()); err != nil || n.Version != "tried" {
			t.Errorf("%s: version %q, want that of the build's argument: %v", c.service, n.Version, err)
		}
	}
}

// alone runs the image as docs/containers.md does, without compose.
func alone(t *testing.T) {
	id := strings.TrimSpace(docker(t, "run", "-d", "--rm", "--read-only", "--cap-drop", "ALL", "p2pchain"))
	defer docker(t, "stop", id)
	until(t, "healthy", func(ctx context.Context) error {
		return exec.CommandContext(ctx, "docker", "exec", id, "/p2pchain", "health", "--ready").Run()
	})
	docker(t, "exec", id, "/p2pchain", "add", "--wait", "hello")
	if backup := docker(t, "exec", id, "/p2pchain", "backup", "-"); !strings.Contains(backup, "ustar") {
		t.Errorf("the backup is no archive: %.200q", backup)
	}
}
