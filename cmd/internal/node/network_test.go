package node

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"p2pchain/core"
	"p2pchain/core/store"
)

func builtin(t *testing.T, name string, difficulty int) *core.Network {
	t.Helper()
	p, ok := core.Builtin(name)
	if !ok {
		t.Fatalf("no network %q", name)
	}
	if difficulty != 0 {
		p.Difficulty = difficulty
	}
	n, err := core.NewNetwork(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFindNetwork(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab7.json")
	lab := builtin(t, "test", 2).Params
	lab.Name = "lab7"
	if err := os.WriteFile(file, append(lab.Encode(), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	lab7, err := core.NewNetwork(lab)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		kept *core.Network
		want NetworkChoice
		net  *core.Network
		err  error
	}{
		{"new folder", nil, NetworkChoice{}, builtin(t, "main", 0), nil},
		{"new folder, named", nil, NetworkChoice{Name: "test"}, builtin(t, "test", 0), nil},
		{"new folder, other difficulty", nil, NetworkChoice{Difficulty: 3}, builtin(t, "main", 3), nil},
		{"new folder, own network", nil, NetworkChoice{File: file}, lab7, nil},
		{"old folder", lab7, NetworkChoice{}, lab7, nil},
		{"old folder, same again", lab7, NetworkChoice{File: file}, lab7, nil},
		{"old folder, same difficulty again", builtin(t, "main", 3), NetworkChoice{Difficulty: 3}, builtin(t, "main", 3), nil},
		{"old folder, other network", lab7, NetworkChoice{Name: "main"}, nil, store.ErrOtherNetwork},
		{"old folder, other difficulty", lab7, NetworkChoice{Difficulty: 5}, nil, store.ErrOtherNetwork},
		{"old folder to be set aside", lab7, NetworkChoice{Name: "main", Anew: true}, builtin(t, "main", 0), nil},
		{"unknown", nil, NetworkChoice{Name: "moon"}, nil, core.ErrBadParams},
		{"no such file", nil, NetworkChoice{File: file + "x"}, nil, core.ErrBadParams},
		{"impossible difficulty", nil, NetworkChoice{Difficulty: 17}, nil, core.ErrBadParams},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.kept != nil {
				if err := keepNetwork(dir, tt.kept); err != nil {
					t.Fatal(err)
				}
			}
			got, err := FindNetwork(dir, tt.want)
			if !errors.Is(err, tt.err) {
				t.Fatalf("FindNetwork = %v, want %v", err, tt.err)
			}
			if tt.net != nil && got.Genesis != tt.net.Genesis {
				t.Errorf("FindNetwork = %v, want %v", got, tt.net)
			}
		})
	}
}

func TestKeepNetworkRefusesNonsense(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, networkFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := FindNetwork(dir, NetworkChoice{}); !errors.Is(err, core.ErrBadParams) {
		t.Errorf("FindNetwork = %v, want ErrBadParams", err)
	}
}

func TestAddressFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadAddress(dir); !errors.Is(err, ErrNoAddress) {
		t.Errorf("ReadAddress of an empty folder = %v, want ErrNoAddress", err)
	}
	want := Address{URL: "http://127.0.0.1:12345", PID: 7, ID: "12D3", Network: "main"}
	if err := writeAddress(dir, want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadAddress(dir); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ReadAddress = %+v, %v, want %+v", got, err, want)
	}
	for range 2 { // taking it back twice does no harm
		if err := removeAddress(dir); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, addressFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAddress(dir); !errors.Is(err, ErrNoAddress) {
		t.Errorf("ReadAddress of half a file = %v, want ErrNoAddress", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestMakeDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if err := makeDirectory(dir); !errors.Is(err, ErrDirectory) {
			t.Errorf("makeDirectory(%s) = %v, want ErrDirectory", dir, err)
		}
	}
}
