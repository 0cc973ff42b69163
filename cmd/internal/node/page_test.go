package node

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

var update = flag.Bool("update", false, "write the example of docs/formats.md anew")

// TestFormatsPage holds docs/formats.md to backups and to the names in a data folder.
func TestFormatsPage(t *testing.T) {
	page, n := coretest.ReadPage(t, "../../../docs/formats.md"), coretest.Network(t)
	store := t.TempDir()
	if err := os.WriteFile(filepath.Join(store, "000004.sst"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	err := writeArchive(t.Context(), &archive, store, ArchiveInfo{
		Version: archiveVersion, Params: n.Params.Encode(), Genesis: n.Genesis, Tip: n.Genesis,
		Created: time.UnixMilli(int64(n.Params.GenesisTimeMS)).UTC(), CreatedBy: "p2pchain 1.0.0",
	})
	if err != nil {
		t.Fatal(err)
	}
	text := "```text\n"
	for in := tar.NewReader(&archive); ; {
		head, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		text += head.Name + "\n" + string(bytes.TrimSpace(body)) + "\n\n"
	}
	page.Made("backup", string(bytes.TrimSpace([]byte(text)))+"\n```\n", *update)

	page.Says("may have more than %v MiB", maxArchiveText>>20)
	page.Says("| `version` | number | %v, of this format |", archiveVersion)
	page.Says("| `%s` | which chain", archiveInfo)
	page.Says("| `%s…` | the files of the store", archiveStore)
	page.Says("| `%s` | `files`", archiveManifest)
	for _, name := range []string{identityFile, networkFile, storeFolder + "/", seedsFile, addressFile} {
		page.Says("`%s`", name)
	}
	var info, file = reflect.TypeFor[ArchiveInfo](), reflect.TypeFor[archivedFile]()
	for _, of := range []reflect.Type{info, file} {
		for i := range of.NumField() {
			page.Says("`%s`", of.Field(i).Tag.Get("json"))
		}
	}
}

// TestNetworkFileIsParams holds that network.json is what docs/formats.md says: the bytes of the parameters.
func TestNetworkFileIsParams(t *testing.T) {
	dir, n := t.TempDir(), coretest.Network(t)
	if err := keepNetwork(dir, n); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, networkFile))
	if err != nil || !bytes.Equal(text, n.Params.Encode()) || !json.Valid(text) {
		t.Errorf("network.json is %q (%v)", text, err)
	}
	if p, err := core.ParseParams(text); err != nil || p.Hash() != n.Header.MessageRoot {
		t.Errorf("read as %v (%v)", p, err)
	}
}
