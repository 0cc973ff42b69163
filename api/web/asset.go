package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"p2pchain/api/receipt"
)

// An asset is a file beside the pages. Its address has its version, so it never changes.
type asset struct {
	body    []byte
	version string
	kind    string // media type
}

// loadAssets reads the folder static, and adds js/receipt.js. The version of every file is that of all of them: a module imports
// its neighbours by relative names.
func loadAssets(from embed.FS) (map[string]asset, error) {
	assets := make(map[string]asset)
	sum := sha256.New()
	err := fs.WalkDir(from, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := from.ReadFile(name)
		if err != nil {
			return err
		}
		sum.Write([]byte(name + "\x00"))
		sum.Write(body)
		kind := mime.TypeByExtension(path.Ext(name))
		if path.Ext(name) == ".js" {
			kind = "text/javascript; charset=utf-8"
		}
		assets[strings.TrimPrefix(name, "static/")] = asset{body: body, kind: kind}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The scripts that check receipts are those of this package, too: one copy judges everywhere.
	module, err := receipt.Module()
	if err != nil {
		return nil, err
	}
	sum.Write(module)
	assets["js/receipt.js"] = asset{body: module, kind: "text/javascript; charset=utf-8"}
	version := hex.EncodeToString(sum.Sum(nil)[:6])
	for name, a := range assets {
		a.version = version
		assets[name] = a
	}
	return assets, nil
}

// static serves an asset. One of another version is given as it is now, and not to be kept.
func (s *Site) static(w http.ResponseWriter, r *http.Request) {
	a, ok := s.assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	keep := "no-store"
	if r.PathValue("version") == a.version {
		keep = "public, max-age=31536000, immutable"
	}
	w.Header().Set("Cache-Control", keep)
	w.Header().Set("Content-Type", a.kind)
	if err := s.send(w, r, http.StatusOK, a.body); err != nil {
		s.cfg.Log.Error("a file cannot be sent", "name", r.PathValue("name"), "err", err)
		http.Error(w, "this file cannot be sent", http.StatusInternalServerError)
	}
}

// address returns the path of an asset.
func (s *Site) address(name string) string {
	return "/ui/static/" + s.assets[name].version + "/" + name
}
