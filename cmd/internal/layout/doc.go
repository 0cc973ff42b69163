// Package layout holds the tests for the shape of the source tree: which folder may import what, and
// the few habits that a parser can see. It has no other code.
package layout
