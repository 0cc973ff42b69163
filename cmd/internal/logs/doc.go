// Package logs is where all that a process says ends up: one stream of lines, on standard error and,
// where the user wants one, in a file.
//
// A line is text for people or JSON for programs. Whatever a value holds, a line stays one line, says
// nothing that was not said, and cannot speak to the terminal: what is not printable is escaped, in both
// forms. Values are cut at a few KiB.
//
// Nothing waits for whoever reads the log. Lines go into a bounded queue for each destination; a
// terminal that is stopped, a pipe that nobody reads, or a full disk lose lines, never hold up the node,
// and the loss is told as soon as somebody reads again. Only lines of level error are waited for, for a
// moment, since the process may be about to end.
//
// A line that comes too often is counted and told of once in a while. Errors are told apart by their
// values, so that one cannot hide another.
package logs
