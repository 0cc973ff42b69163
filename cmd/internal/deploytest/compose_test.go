package deploytest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCompose has all that docker-compose.yml takes from the tree there, and no image of just any version.
func TestCompose(t *testing.T) {
	const root = "../../../"
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
			Volumes     []string
			Ports       []string
			ReadOnly    bool     `yaml:"read_only"`
			CapDrop     []string `yaml:"cap_drop"`
		}
	}
	readYAML(t, root+"docker-compose.yml", &file)
	if len(file.Services) != 5 {
		t.Fatalf("%d services", len(file.Services))
	}
	pinned := regexp.MustCompile(`^p2pchain$|^[a-z/]+:v?[0-9]+\.[0-9]+\.[0-9]+$`)
	for name, s := range file.Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: the image %q has no version", name, s.Image)
		}
		if !s.ReadOnly || len(s.CapDrop) != 1 || s.CapDrop[0] != "ALL" {
			t.Errorf("%s: read-only: %t, dropped: %v", name, s.ReadOnly, s.CapDrop)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: %s is open to other machines", name, port)
			}
		}
		inside := make(map[string]string)
		for _, v := range s.Volumes {
			if parts := strings.Split(v, ":"); strings.HasPrefix(v, "./") {
				inside[parts[1]] = root + parts[0]
			}
		}
		home := s.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
		for mounted, path := range inside {
			if rest, ok := strings.CutPrefix(home, mounted); ok {
				path += rest
				home = ""
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if home != "" {
			t.Errorf("%s: nothing holds %s", name, home)
		}
	}
}
