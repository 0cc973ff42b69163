package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// sbom writes the bill of materials of the program args[0] to the file args[1], or to stdout where there is
// none: a CycloneDX 1.5 document of the modules that it was built from.
//
// All of it comes from the program itself, where the Go linker leaves it, so it needs no network, and
// anybody can make it again from a binary that he was given. Licences are not in a binary, and so not in
// the document. It names no time and no machine: the same binary always gives the same bytes.
func sbom(args []string, stdout io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return errUsage
	}
	info, err := buildinfo.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("what %s was built from: %w", args[0], err)
	}
	text, err := json.MarshalIndent(bill(info), "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if len(args) == 1 {
		_, err = stdout.Write(text)
		return err
	}
	return os.WriteFile(args[1], text, 0o644)
}

// A document is the part of CycloneDX 1.5 that is used here.
// See https://cyclonedx.org/docs/1.5/json/.
type document struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// bill returns the bill of a program: itself, the standard library, and every module.
func bill(info *buildinfo.BuildInfo) document {
	main := component{Type: "application", Name: info.Main.Path}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS", "GOARCH", "GOARM", "GOAMD64", "GOARM64", "CGO_ENABLED", "-trimpath":
			main.Properties = append(main.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	d := document{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{main}, Components: []component{
		{Type: "library", Name: "std", Version: goVersion, PURL: "pkg:golang/std@" + goVersion},
	}}
	for _, m := range info.Deps {
		d.Components = append(d.Components, library(m))
	}
	return d
}

// library returns the component of a module, or of what replaces it.
func library(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version}
	// A sum "h1:" is the SHA-256 of the list of the module's files (golang.org/x/mod/sumdb/dirhash).
	if text, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
		if sum, err := base64.StdEncoding.DecodeString(text); err == nil {
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
		}
	}
	return c
}
