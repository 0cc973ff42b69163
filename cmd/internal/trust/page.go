package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A machine is a row of the page's first table.
type machine struct {
	name string
	rate float64 // tries of a header per second, one SHA-256 compression each
	rent float64 // dollars per hour; 0 where it is not rented
}

// Assumptions are the page's input.
type assumptions struct {
	machines []machine // the first one is a core of a node
	nodes    int       // that mine
	threads  int       // of each
	interval float64   // T, in seconds
	digits   int       // difficulty: leading zero hex digits of the floor
}

// rate is the network's hash rate.
func (a *assumptions) rate() float64 {
	return float64(a.nodes*a.threads) * a.machines[0].rate
}

// floor is the least work of a block.
func (a *assumptions) floor() float64 { return pow16(a.digits) }

// block is the work of a block while the network's rate does not change.
func (a *assumptions) block() float64 { return max(a.floor(), a.rate()*a.interval) }

func pow16(digits int) float64 {
	out := 1.0
	for range digits {
		out *= 16
	}
	return out
}

const (
	endMark   = "<!-- end -->"
	inputMark = "input: " // what the marks of tables that are read begin with
)

// mark is the line before a table.
func mark(name string) string { return "<!-- " + name + " -->\n" }

// section returns what stands between the mark of this name and the end mark.
func section(page []byte, name string) (from, to int, err error) {
	if bytes.Count(page, []byte(mark(name))) != 1 {
		return 0, 0, fmt.Errorf("want one line %q", strings.TrimSpace(mark(name)))
	}
	from = bytes.Index(page, []byte(mark(name))) + len(mark(name))
	n := bytes.Index(page[from:], []byte(endMark))
	if n < 0 {
		return 0, 0, fmt.Errorf("no %q after %q", endMark, strings.TrimSpace(mark(name)))
	}
	return from, from + n, nil
}

// render returns the page with its tables computed from its assumptions.
func render(page []byte) ([]byte, error) {
	a, err := readAssumptions(page)
	if err != nil {
		return nil, err
	}
	return fill(page, allTables(a))
}

// fill puts the tables into their sections.
func fill(page []byte, tables map[string]func() string) ([]byte, error) {
	// What shells run before a block of the page stands in comments, too.
	if marks, want := bytes.Count(page, []byte("<!-- "))-bytes.Count(page, []byte("<!-- sh")), 2*(len(tables)+2); marks > want {
		return nil, fmt.Errorf("%d marks, want %d: one stands twice or names no table", marks, want)
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		from, to, err := section(page, name)
		if err != nil {
			return nil, err
		}
		page = slices.Concat(page[:from], []byte(tables[name]()), page[to:])
	}
	return page, nil
}

// allTables has a function for each table that the program writes.
func allTables(a *assumptions) map[string]func() string {
	return map[string]func() string{
		"network":  a.networkTable,
		"redo":     a.redoTable,
		"idle":     a.idleTable,
		"race":     a.raceTable,
		"claims":   a.claimsTable,
		"selfish":  a.selfishTable,
		"delay":    a.delayTable,
		"gaps":     a.gapsTable,
		"backdate": a.backdateTable,
		"forge":    a.forgeTable,
		"anchor":   a.anchorTable,
		"classic":  a.classicTable,
	}
}

// readAssumptions reads the two input tables.
func readAssumptions(page []byte) (*assumptions, error) {
	rows, err := readTable(page, inputMark+"machines", 4)
	if err != nil {
		return nil, err
	}
	a := new(assumptions)
	for _, row := range rows {
		rate, err := strconv.ParseFloat(row[1], 64)
		if err != nil || rate <= 0 {
			return nil, fmt.Errorf("rate of %s: %q", row[0], row[1])
		}
		var rent float64
		if row[2] != "" {
			if rent, err = strconv.ParseFloat(row[2], 64); err != nil || rent <= 0 {
				return nil, fmt.Errorf("rent of %s: %q", row[0], row[2])
			}
		}
		a.machines = append(a.machines, machine{row[0], rate, rent})
	}
	if rows, err = readTable(page, inputMark+"network", 2); err != nil {
		return nil, err
	}
	values := make([]int, len(rows))
	for i, row := range rows {
		if values[i], err = strconv.Atoi(row[1]); err != nil || values[i] <= 0 {
			return nil, fmt.Errorf("%s: %q", row[0], row[1])
		}
	}
	if len(a.machines) == 0 || len(values) != 4 || values[3] > 16 {
		return nil, fmt.Errorf("%d machines and %d figures of the network", len(a.machines), len(values))
	}
	a.nodes, a.threads, a.interval, a.digits = values[0], values[1], float64(values[2])/1000, values[3]
	return a, nil
}

// readTable reads the rows of a Markdown table below its two heading lines.
func readTable(page []byte, name string, columns int) ([][]string, error) {
	from, to, err := section(page, name)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(page[from:to])), "\n")
	var rows [][]string
	for _, line := range lines[min(2, len(lines)):] {
		row := strings.Split(strings.Trim(line, "|"), "|")
		if len(row) != columns {
			return nil, fmt.Errorf("table %q: %d columns in %q, want %d", name, len(row), line, columns)
		}
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// A table is built row by row and printed as Markdown.
type table struct{ b strings.Builder }

func newTable(heads ...string) *table {
	t := new(table)
	t.row(heads...)
	t.b.WriteString("|" + strings.Repeat("---|", len(heads)) + "\n")
	return t
}

func (t *table) row(cells ...string) { t.b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

func (t *table) String() string { return t.b.String() }
