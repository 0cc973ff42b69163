package openapi

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
)

// A schema is what the page shows of a JSON schema.
type schema struct {
	Ref         string `json:"$ref"`
	Title       string
	Type        any // a name, or some
	Description string
	Properties  map[string]*schema
	Required    []string
	Items       *schema
	OneOf       []*schema `json:"oneOf"`
	AllOf       []*schema `json:"allOf"`
	Enum        []any
	Const       any
	Default     any
	Minimum     *float64
	Maximum     *float64
}

// name returns the schema that a reference names, empty where there is none.
func (s *schema) name() string {
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

// Form returns what a value looks like, in a few words, with links to schemas.
func (s *schema) Form() template.HTML {
	switch {
	case s == nil:
		return "anything"
	case s.Ref != "":
		name := template.HTMLEscapeString(s.name())
		return template.HTML(fmt.Sprintf(`<a href="#schema-%s">%s</a>`, name, name))
	case s.Const != nil:
		return literal(s.Const)
	case len(s.Enum) > 0:
		return joined(s.Enum, literal)
	case len(s.OneOf) > 0 && s.Type == nil && s.Properties == nil:
		return joined(s.OneOf, (*schema).Form)
	case s.Items != nil:
		return "list of " + s.Items.Form()
	}
	return s.plain()
}

// plain returns the form of a value without parts.
func (s *schema) plain() template.HTML {
	names := typeNames(s.Type)
	if names == "" {
		names = "anything"
		if s.Properties != nil || len(s.AllOf) > 0 {
			names = "object"
		}
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		names += fmt.Sprintf(" from %v to %v", *s.Minimum, *s.Maximum)
	case s.Minimum != nil && *s.Minimum != 0:
		names += fmt.Sprintf(" from %v on", *s.Minimum)
	}
	if s.Default != nil {
		names += fmt.Sprintf(", %v unless given", s.Default)
	}
	return template.HTML(template.HTMLEscapeString(names))
}

// typeNames returns the names of types in words.
func typeNames(t any) string {
	switch t := t.(type) {
	case string:
		return t
	case []any:
		names := make([]string, len(t))
		for i, name := range t {
			names[i] = fmt.Sprint(name)
		}
		return strings.Join(names, " or ")
	}
	return ""
}

func literal(v any) template.HTML {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was read as JSON
	}
	return template.HTML("<code>" + template.HTMLEscapeString(string(text)) + "</code>")
}

func joined[T any](list []T, form func(T) template.HTML) template.HTML {
	var out []string
	for _, v := range list {
		out = append(out, string(form(v)))
	}
	return template.HTML(strings.Join(out, " or "))
}

// A member is a member of an object as the page shows it.
type member struct {
	Name        string
	Required    bool
	Form        template.HTML
	Description string
}

// Members returns the members of an object, those that are always there first.
func (s *schema) Members() []member {
	var out []member
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		out = append(out, member{name, slices.Contains(s.Required, name), p.Form(), p.Description})
	}
	for _, part := range s.AllOf {
		out = append(out, part.Members()...)
	}
	slices.SortStableFunc(out, func(a, b member) int {
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		}
		return 1
	})
	return out
}

// Parts returns the schemas whose members an object has, too.
func (s *schema) Parts() []template.HTML {
	var out []template.HTML
	for _, part := range s.AllOf {
		if part.Ref != "" {
			out = append(out, part.Form())
		}
	}
	return out
}

// Choices returns the values that a schema lists with what each means.
func (s *schema) Choices() []*schema {
	if len(s.OneOf) == 0 || s.OneOf[0].Const == nil {
		return nil
	}
	return s.OneOf
}
