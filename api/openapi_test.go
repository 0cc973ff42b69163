package api

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSpecAndRoutes holds the description and the route table to each other: the same paths, methods,
// scopes and parameters.
func TestSpecAndRoutes(t *testing.T) {
	s, err := theSpec()
	if err != nil {
		t.Fatal(err)
	}
	code := readCode(t)
	variable := regexp.MustCompile(`\{(\w+)(:[^}]*)?\}`)
	inTable := make(map[string]bool)
	for _, r := range routes() {
		path := variable.ReplaceAllString(r.pattern, "{$1}")
		name := r.method + " " + path
		inTable[name] = true
		op := s.at("paths", path, strings.ToLower(r.method))
		if op == nil {
			t.Errorf("%s is not described in api/openapi", name)
			continue
		}
		if scope := s.scopeOf(op); scope != string(r.scope) {
			t.Errorf("%s has scope %s in the description and %s in the table", name, scope, r.scope)
		}
		var want []string
		for _, v := range variable.FindAllStringSubmatch(r.pattern, -1) {
			want = append(want, "path "+v[1])
		}
		if r.query != anyQuery {
			s.checkQuery(t, name, op, r.query)
		}
		want = append(want, code.reach(code.handlers[r.method+" "+r.pattern])...)
		slices.Sort(want)
		if got := s.parametersOf(op); !slices.Equal(got, slices.Compact(want)) {
			t.Errorf("%s: the description has the parameters %q, the code reads %q", name, got, want)
		}
	}
	for path, methods := range s.at("paths") {
		for method := range methods.(map[string]any) {
			if name := strings.ToUpper(method) + " " + path; !inTable[name] {
				t.Errorf("%s is described, but not in the route table", name)
			}
		}
	}
}

// scopeOf returns the scope of an operation, that of the whole description where it has none itself.
func (s *spec) scopeOf(op map[string]any) string {
	choices, ok := op["security"].([]any)
	if !ok {
		choices = s.doc["security"].([]any)
	}
	for _, c := range choices {
		if scopes, ok := c.(map[string]any)["token"].([]any); ok {
			return scopes[0].(string)
		}
	}
	return ""
}

// parametersOf returns place and name of an operation's parameters but for those in headers that are
// not ours, sorted.
func (s *spec) parametersOf(op map[string]any) []string {
	var list []string
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		p := p.(map[string]any)
		if ref, ok := p["$ref"].(string); ok {
			p = s.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		list = append(list, p["in"].(string)+" "+p["name"].(string))
	}
	list = slices.DeleteFunc(list, func(p string) bool { return p == "header Accept" })
	slices.Sort(list)
	return list
}

// checkQuery holds the query parameters of an operation to those that the route table names.
func (s *spec) checkQuery(t *testing.T, name string, op map[string]any, query string) {
	t.Helper()
	var want []string
	for _, p := range strings.Fields(query) {
		want = append(want, "query "+p)
	}
	slices.Sort(want)
	got := slices.DeleteFunc(s.parametersOf(op), func(p string) bool { return !strings.HasPrefix(p, "query ") })
	if !slices.Equal(got, want) {
		t.Errorf("%s: the description has the parameters %q, the route table %q", name, got, want)
	}
}

// A code is what the source of this package says about its handlers.
type code struct {
	calls    map[string][]string // names of functions that a function calls
	reads    map[string][]string // parameters that a function reads itself
	handlers map[string]string   // METHOD PATTERN → function
	codes    map[string]bool     // codes of problems
}

// readCode parses the source of this package.
func readCode(t *testing.T) *code {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := goparser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	c := &code{calls: make(map[string][]string), reads: make(map[string][]string), handlers: make(map[string]string), codes: make(map[string]bool)}
	withCode := map[string]int{} // functions with a parameter that is a code → its index
	each := func(visit func(*ast.FuncDecl)) {
		for _, file := range files {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					visit(f)
				}
			}
		}
	}
	each(func(f *ast.FuncDecl) {
		index := 0
		for _, field := range f.Type.Params.List {
			for _, name := range field.Names {
				if name.Name == "code" {
					withCode[f.Name.Name] = index
				}
				index++
			}
		}
	})
	each(func(f *ast.FuncDecl) {
		ast.Inspect(f.Body, func(n ast.Node) bool { c.inspect(f.Name.Name, n, withCode); return true })
	})
	for _, r := range routes() {
		c.handlers[r.method+" "+r.pattern] = handlerName(r)
	}
	return c
}

// handlerName returns the name of a route's method of Server.
func handlerName(r route) string {
	name := runtime.FuncForPC(reflect.ValueOf(r.handle).Pointer()).Name()
	return strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "-fm")
}

// inspect takes in a node of a function.
func (c *code) inspect(function string, n ast.Node, withCode map[string]int) {
	switch n := n.(type) {
	case *ast.CallExpr:
		called := ""
		switch f := n.Fun.(type) {
		case *ast.Ident:
			called = f.Name
		case *ast.SelectorExpr:
			called = f.Sel.Name
		}
		c.calls[function] = append(c.calls[function], called)
		if at, ok := withCode[called]; ok && at < len(n.Args) {
			c.note(n.Args[at])
		}
		for _, arg := range n.Args {
			if value, ok := literalOf(arg); ok && slices.Contains([]string{"queryParam", "hasParam"}, called) {
				c.reads[function] = append(c.reads[function], "query "+value)
			}
		}
		if value, ok := headerRead(n); ok {
			c.reads[function] = append(c.reads[function], "header "+value)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if name, ok := left.(*ast.Ident); ok && name.Name == "code" && i < len(n.Rhs) {
				c.note(n.Rhs[i])
			}
		}
	case *ast.CompositeLit:
		switch kind, _ := n.Type.(*ast.Ident); {
		case kind != nil && kind.Name == "Problem":
			for _, e := range n.Elts {
				if pair, ok := e.(*ast.KeyValueExpr); ok && pair.Key.(*ast.Ident).Name == "Code" {
					c.note(pair.Value)
				}
			}
		case kind == nil && len(n.Elts) == 5: // a row of the table of errors
			if _, ok := literalOf(n.Elts[2]); ok && function == "errorTable" {
				c.note(n.Elts[2])
			}
		}
	}
}

// note takes in a code.
func (c *code) note(e ast.Expr) {
	if value, ok := literalOf(e); ok && value != "" {
		c.codes[value] = true
	}
}

func literalOf(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(lit.Value)
	return value, err == nil
}

// headerRead returns which of the headers that are ours a call reads.
func headerRead(n *ast.CallExpr) (string, bool) {
	f, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || len(n.Args) != 1 || f.Sel.Name != "Get" && f.Sel.Name != "Values" {
		return "", false
	}
	value, ok := literalOf(n.Args[0])
	return value, ok && slices.Contains([]string{"Idempotency-Key", "Last-Event-ID"}, value)
}

// reach returns what a function, and all that it calls, reads of a request.
func (c *code) reach(function string) []string {
	seen := make(map[string]bool)
	var out []string
	var walk func(string)
	walk = func(f string) {
		if seen[f] {
			return
		}
		seen[f] = true
		out = append(out, c.reads[f]...)
		for _, called := range c.calls[f] {
			walk(called)
		}
	}
	walk(function)
	return out
}

// TestSpecAndCodes holds the closed list of codes to the source.
func TestSpecAndCodes(t *testing.T) {
	s, err := theSpec()
	if err != nil {
		t.Fatal(err)
	}
	described := make(map[string]bool)
	for _, choice := range s.at("components", "schemas", "Code")["oneOf"].([]any) {
		described[choice.(map[string]any)["const"].(string)] = true
	}
	inCode := readCode(t).codes
	if len(inCode) < 40 {
		t.Fatalf("found %d codes in the source, which are too few", len(inCode))
	}
	for _, name := range slices.Sorted(maps.Keys(inCode)) {
		if !described[name] {
			t.Errorf("the code %q is not in the schema Code of api/openapi", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(described)) {
		if !inCode[name] {
			t.Errorf("the code %q is described, but nowhere in the source", name)
		}
	}
	for path, methods := range s.at("paths") {
		for method, op := range methods.(map[string]any) {
			list, _ := op.(map[string]any)["x-codes"].([]any)
			for _, name := range list {
				if !described[name.(string)] {
					t.Errorf("%s %s: x-codes has %q, which is none", method, path, name)
				}
			}
		}
	}
}
