package receipt_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"rsc.io/qr"

	"p2pchain/core"
)

func parse(t testing.TB, page []byte) *html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// find returns the element with an id, which must be there.
func find(doc *html.Node, id string) *html.Node {
	for n := range doc.Descendants() {
		if attribute(n, "id") == id {
			return n
		}
	}
	panic("no element " + id)
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return out.String()
}

// items returns the texts of the elements in n that have a name, one each.
func items(n *html.Node, name string) []string {
	out := []string{}
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			out = append(out, textOf(d))
		}
	}
	return out
}

// shape tells the elements of a page with their attributes, but for those that differ with the size of a
// payload. Whatever could act by itself ends the test.
func shape(doc *html.Node) string {
	var out []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		element := n.Data
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" {
				panic(fmt.Sprintf("%s has the attribute %s", n.Data, a.Key))
			}
			element += " " + a.Key
			if a.Key == "id" || a.Key == "href" {
				element += "=" + a.Val
			}
		}
		out = append(out, element)
	}
	return strings.Join(out, "\n")
}

// TestQR reads the modules of the code off the drawing.
func TestQR(t *testing.T) {
	p := proofOf(t, "", minutes)
	figure := find(parse(t, write(t, p)), "qr")
	paths := slices.Collect(figure.Descendants())
	path := attribute(paths[slices.IndexFunc(paths, func(n *html.Node) bool { return attribute(n, "stroke") != "" })], "d")
	code, err := qr.Encode(strings.ToUpper("p2pchain/1 id "+p.Message.ID.String()+" block "+p.Block.Hash().String()), qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const quiet = 4
	drawn := map[[2]int]bool{}
	for row := range strings.SplitSeq(path[1:], "M") {
		var x, y int
		row = strings.NewReplacer("h", " h ", "m", " m ").Replace(row)
		fields := strings.Fields(row)
		fmt.Sscanf(fields[0]+" "+fields[1], "%d %d.5", &x, &y)
		for i := 2; i < len(fields); {
			var n int
			fmt.Sscan(fields[i+1], &n)
			if fields[i] == "m" { // and a zero
				x, i = x+n, i+3
				continue
			}
			for range n {
				drawn[[2]int{x - quiet, y - quiet}] = true
				x++
			}
			i += 2
		}
	}
	for y := -1; y <= code.Size; y++ {
		for x := -1; x <= code.Size; x++ {
			if drawn[[2]int{x, y}] != code.Black(x, y) {
				t.Fatalf("module %d, %d is drawn %v", x, y, drawn[[2]int{x, y}])
			}
		}
	}
	if got, want := attribute(figure.FirstChild, "viewbox")+attribute(figure.FirstChild, "viewBox"), fmt.Sprintf("0 0 %d %[1]d", code.Size+2*quiet); got != want {
		t.Errorf("the drawing is %q, want %q", got, want)
	}
}

// easy makes a classic network that is mined at once.
func easy(p *core.Params) { p.Difficulty = 1 }
