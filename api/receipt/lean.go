package receipt

import "strings"

// lean leaves out indentation and comments, so that a receipt stays small; the rest is as written. No
// text in our sources holds the two slashes after a space that start a comment.
func lean(source string) string {
	var out strings.Builder
	for line := range strings.Lines(source) {
		line, _, _ = strings.Cut(" "+strings.TrimSpace(line), " // ")
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

// denseStyle leaves out the spaces of a style that are there for its readers.
func denseStyle(style string) string {
	return strings.NewReplacer(": ", ":", ", ", ",", " {", "{", "{ ", "{", "; }", "}", ";\n", ";", "{\n", "{", "}\n", "}").Replace(style)
}

// denseScript leaves out spaces around some signs of a script, but for those in its strings, and ends of
// lines after some. Our sources have quotes of two kinds, which end on their line, no pattern that holds one
// of them or these signs between spaces, and no sum of signs like a - -b.
func denseScript(script string) string {
	var pairs []string
	for _, sign := range []string{
		"=", "=>", "===", "!==", "&&", "||", "??", "?", ":", "+", "-", "*", "**", "%", "<", ">", "<=", ">=", "<<", ">>", "+=",
	} {
		pairs = append(pairs, " "+sign+" ", sign)
	}
	pairs = append(pairs, ", ", ",", "; ", ";", ": ", ":", ") {", "){", "{ ", "{", " }", "}", "if (", "if(", "for (", "for(")
	signs := strings.NewReplacer(pairs...)
	var out strings.Builder
	for line := range strings.Lines(script) {
		if rest := strings.TrimSuffix(line, "\n"); strings.TrimRight(rest, ";{,") != rest {
			line = rest // what comes next needs no line of its own
		}
		for line != "" {
			at := strings.IndexAny(line, "'`")
			if at < 0 {
				at = len(line)
			}
			out.WriteString(signs.Replace(line[:at]))
			end := at + quoted(line[at:])
			out.WriteString(line[at:end])
			line = line[end:]
		}
	}
	return out.String()
}

// quoted returns how many bytes the string has that a text begins with.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}
