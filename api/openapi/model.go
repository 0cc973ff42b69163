package openapi

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The parts of the description that the page shows.
type (
	document struct {
		Info struct {
			Title, Version, Summary, Description string
		}
		Tags       []tag
		Paths      map[string]map[string]operation
		Components struct {
			Parameters map[string]parameter
			Headers    map[string]header
			Responses  map[string]answer
			Schemas    map[string]*schema
		}
	}
	tag struct {
		Name, Description string
		Operations        []operation `json:"-"`
	}
	operation struct {
		ID          string `json:"operationId"`
		Tags        []string
		Summary     string
		Description string
		Security    []map[string][]string
		Parameters  []parameter
		RequestBody struct {
			Content map[string]content
		} `json:"requestBody"`
		Responses map[string]answer
		Codes     []string `json:"x-codes"`
		Samples   []sample `json:"x-codeSamples"`

		Method string `json:"-"`
		Path   string `json:"-"`
	}
	parameter struct {
		Ref         string `json:"$ref"`
		Name        string
		In          string
		Required    bool
		Description string
		Schema      *schema
		Example     any
	}
	header struct {
		Ref         string `json:"$ref"`
		Description string
	}
	answer struct {
		Ref         string `json:"$ref"`
		Description string
		Headers     map[string]header
		Content     map[string]content
	}
	content struct {
		Schema  *schema
		Item    *schema `json:"x-item-schema"`
		Example any
	}
	sample struct{ Label, Source string }
)

// load reads the description and replaces all references but those to schemas, which the page links.
func load() (*document, error) {
	root, err := parse()
	if err != nil {
		return nil, err
	}
	text, err := JSON()
	if err != nil {
		return nil, err
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("the description of the API: %w", err)
	}
	for path, methods := range members(root, "paths") {
		for method := range members(methods, "") {
			if err := d.add(path, method); err != nil {
				return nil, err
			}
		}
	}
	return &d, nil
}

// members walks over the members of a mapping, or of a member of it, in the order in which they were
// written.
func members(n *yaml.Node, of string) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if of != "" {
			for name, child := range members(n, "") {
				if name == of {
					members(child, "")(yield)
					return
				}
			}
		}
		for i := 0; of == "" && i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// add puts an operation under its tag.
func (d *document) add(path, method string) error {
	op := d.Paths[path][method]
	op.Method, op.Path = strings.ToUpper(method), path
	d.resolve(&op)
	i := slices.IndexFunc(d.Tags, func(t tag) bool { return slices.Contains(op.Tags, t.Name) })
	if i < 0 {
		return fmt.Errorf("the description of the API: %s has no tag", op.ID)
	}
	d.Tags[i].Operations = append(d.Tags[i].Operations, op)
	return nil
}

// resolve puts what they stand for in the place of an operation's references.
func (d *document) resolve(op *operation) {
	for i, p := range op.Parameters {
		if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			op.Parameters[i] = d.Components.Parameters[name]
		}
	}
	for status, a := range op.Responses {
		if name, ok := strings.CutPrefix(a.Ref, "#/components/responses/"); ok {
			a = d.Components.Responses[name]
			op.Responses[status] = a
		}
		for key, h := range a.Headers {
			if name, ok := strings.CutPrefix(h.Ref, "#/components/headers/"); ok {
				a.Headers[key] = d.Components.Headers[name]
			}
		}
	}
}

// Scope returns the scope that an operation needs, "none" where everybody may always do it.
func (op operation) Scope() string {
	if op.Security != nil && len(op.Security) == 0 {
		return "none"
	}
	for _, choice := range op.Security {
		if scopes := choice["token"]; len(scopes) > 0 {
			return scopes[0]
		}
	}
	return "read"
}

// Media returns the media types of the body, the usual one first.
func (op operation) Media() []string {
	const usual = "application/json"
	var list []string
	for media := range op.RequestBody.Content {
		list = append(list, media)
	}
	slices.SortFunc(list, func(a, b string) int {
		if (a == usual) != (b == usual) {
			if a == usual {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return list
}

// Statuses returns the statuses of the answers, default last.
func (op operation) Statuses() []string {
	var list []string
	for status := range op.Responses {
		list = append(list, status)
	}
	slices.Sort(list) // digits come before letters
	return list
}

// BodyExample returns what the try-it form has as body at first.
func (op operation) BodyExample() string {
	for _, media := range op.Media() {
		switch example := op.RequestBody.Content[media].Example.(type) {
		case nil:
		case string:
			return example
		default:
			text, err := json.MarshalIndent(example, "", "  ")
			if err != nil {
				panic(err) // it was read as JSON
			}
			return string(text)
		}
	}
	return ""
}
