// Package web is the pages of a node: what its log holds and how it came to be, for people.
//
// A Site renders HTML from a Source, which offers what the public API does and nothing more, so that the same
// pages serve the node that they are a part of and any other one. It keeps no state. What it shows comes from
// strangers: it reaches a page as text only, and no script or style is inside of a page
// (docs/security-of-the-api.md).
//
// Every page can be read without JavaScript; scripts only follow what happens and do what needs the browser.
// Everything that people read is in texts, by key.
package web
