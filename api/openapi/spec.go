package openapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"

	"go.yaml.in/yaml/v3"
)

//go:embed spec
var files embed.FS

// YAML returns the description as it was written.
func YAML() []byte {
	parts, err := fs.Glob(files, "spec/*.yaml")
	if err != nil {
		panic(err) // the pattern is right
	}
	var all bytes.Buffer
	for _, name := range parts { // in the order of their names
		part, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it was listed
		}
		all.Write(part)
	}
	return all.Bytes()
}

// JSON returns the description as JSON, its members in the order in which they were written.
func JSON() ([]byte, error) {
	root, err := parse()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := writeNode(&out, root); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// parse reads the description.
func parse() (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(YAML(), &document); err != nil {
		return nil, fmt.Errorf("the description of the API: %w", err)
	}
	return document.Content[0], nil
}

// writeNode writes a node of YAML as JSON.
func writeNode(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		out.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				out.WriteByte(',')
			}
			writeString(out, n.Content[i].Value)
			out.WriteByte(':')
			if err := writeNode(out, n.Content[i+1]); err != nil {
				return err
			}
		}
		out.WriteByte('}')
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeNode(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case yaml.ScalarNode:
		return writeScalar(out, n)
	default:
		return fmt.Errorf("line %d of the description of the API: no anchors, please", n.Line)
	}
	return nil
}

// writeScalar writes text, a number, a truth value or null.
func writeScalar(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Tag {
	case "!!str":
		writeString(out, n.Value)
		return nil
	case "!!int", "!!bool", "!!null":
		if json.Valid([]byte(n.Value)) {
			out.WriteString(n.Value)
			return nil
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			out.WriteString(strconv.FormatFloat(f, 'g', -1, 64))
			return nil
		}
	}
	return fmt.Errorf("line %d of the description of the API: %s %q has no form in JSON", n.Line, n.Tag, n.Value)
}

// writeString writes text as JSON, with < > & as they are.
func writeString(out *bytes.Buffer, text string) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text)        // a string always can be
	out.Truncate(out.Len() - 1) // the line end
}
