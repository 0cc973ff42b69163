package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"p2pchain/bootstrap"
)

const (
	seedsFile = "seeds.txt"
	maxSeeds  = 64 // that bootstrap takes
	// maxKeptSeeds bounds the file; the oldest go first.
	maxKeptSeeds = 32
	seedsHead    = "# Nodes that this one joins at every start, one address a line: from p2pchain join.\n"
)

// KeepSeeds adds addresses to those that the node of a data directory joins at every start, and
// returns how many were new. The directory is made where it is missing.
func KeepSeeds(dir string, addrs []string) (int, error) {
	if err := makeDirectory(dir); err != nil {
		return 0, err
	}
	kept, err := keptSeeds(dir)
	if err != nil {
		return 0, err
	}
	added := 0
	for _, addr := range addrs {
		if _, err := bootstrap.ParseSeed(addr); err != nil {
			return 0, fmt.Errorf("%w: %w", err, ErrConfig)
		}
		if !slices.Contains(kept, addr) {
			kept, added = append(kept, addr), added+1
		}
	}
	if added == 0 {
		return 0, nil
	}
	kept = kept[max(0, len(kept)-maxKeptSeeds):]
	text := seedsHead + strings.Join(kept, "\n") + "\n"
	return added, replaceFile(filepath.Join(dir, seedsFile), []byte(text), 0o600)
}

// keptSeeds reads what KeepSeeds wrote, or a user: a line that is no address is ErrConfig.
func keptSeeds(dir string) ([]string, error) {
	path := filepath.Join(dir, seedsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	var kept []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if _, err := bootstrap.ParseSeed(line); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w: %w", path, number, err, ErrConfig)
		}
		kept = append(kept, line)
	}
	return kept, nil
}

// joinSeeds adds the kept seeds, the newest first where there is no room for all, to the chosen ones.
func joinSeeds(chosen, kept []string) []string {
	all := slices.Clone(chosen)
	for _, seed := range slices.Backward(kept) {
		if len(all) < maxSeeds && !slices.Contains(all, seed) {
			all = append(all, seed)
		}
	}
	return all
}
