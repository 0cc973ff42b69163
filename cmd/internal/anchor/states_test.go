package anchor_test

import "path/filepath"

// states returns the state files.
func (p *place) states() []string {
	p.t.Helper()
	found, err := filepath.Glob(filepath.Join(p.folder, "*", "state"))
	if err != nil || len(found) == 0 {
		p.t.Fatalf("no states: %v", err)
	}
	return found
}
