// Package spool keeps groups of lines on disk that a node cannot take now, in the order in which they
// came, until it can.
//
// A Spool is a queue in one file. Append puts a group at its end, and returns when it is on the disk;
// First reads the oldest one that is not done; Done takes it out. Each group has a key of its own, under
// which it is sent however often, so that a node that has it already does not take it twice.
//
// A file belongs to one process, which holds a lock beside it. What a process leaves behind is found by
// Leftovers and can be opened by the next one.
//
// # Format
//
// A file is the 17 bytes "p2pchain spool 1\n" and frames: kind(1) length(4) CRC-32C of kind and body(4)
// body(length), integers big-endian. A frame of kind 'G' is a group: key length(1) key, and for each line
// its number(uvarint), length(uvarint) and bytes. A frame of kind 'D' says that the oldest group is done;
// its body is empty. What follows the last whole frame is a write that was cut short, which nobody was
// promised: it is cut off. When nothing is left, the file is removed.
package spool
