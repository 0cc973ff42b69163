package deploytest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pchain/api/client"
	"p2pchain/core"
)

// patience is how long a wait for the containers may take, on a machine that is busy with other things.
const patience = time.Minute

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

// addInside tells a node messages by the program in its container, since its port may lead nowhere.
func (f *fleet) addInside(to *container, about string) {
	f.t.Helper()
	for i := range 5 {
		text := fmt.Sprintf("%s %d", about, i)
		var r struct{ ID core.Hash }
		out := docker(f.t, "exec", to.name(f.t), "/p2pchain", "add", "--json", text)
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			f.t.Fatalf("%v: %s", err, out)
		}
		f.told[r.ID] = text
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
	t.Run("prometheus", func(t *testing.T) { scraped(t) })
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

// cutOff takes a node off the network, lets both sides go on, and brings it back.
func cutOff(f *fleet, c *container) {
	f.t.Helper()
	network := c.inspect(f.t, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}")
	docker(f.t, "network", "disconnect", network, c.name(f.t))
	f.addInside(c, "on the small side")
	docker(f.t, "exec", c.name(f.t), "/p2pchain", "add", "--wait", "sealed on the small side")
	rest := &fleet{f.t, f.nodes, make(map[core.Hash]string)}
	rest.add(f.nodes[0], "on the large side")
	rest.nothingLost(f.nodes[0], f.nodes[1])
	for id, text := range rest.told {
		f.told[id] = text
	}
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
		status := docker(t, "exec", c.name(t), "/p2pchain", "version")
		t.Logf("%s: %s", c.service, strings.SplitN(status, "\n", 2)[0])
	}
}
