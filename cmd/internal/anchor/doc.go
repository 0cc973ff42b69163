// Package anchor watches growing logs of other programs, writes down what they held when, and tells
// later what of a file is still the same.
//
// Follow looks at files again and again, reads what came since, and hands an anchor, a document of
// core/document, to a function that brings it to a node. Check compares a file with the anchors that a
// Collection has gathered from a node, a chain file or proofs.
//
// # What is on disk
//
// Each log has a folder of its own under Config.Folder, named for its path: a lock, "state" and, while
// the node does not answer, "queue.spool". The state holds how far each generation of the log was read,
// with the state of its hash, and the newest anchor until the node has it. It is replaced as a whole
// before an anchor is sent, so whatever moment a kill comes at, the next start knows the last anchor
// byte by byte and sends it again under the key that it had: nothing is lost, and nothing is there
// twice (a node remembers keys for a day; after that a second copy is possible, and Check takes equal
// anchors for one).
//
// # What it may cost the writer
//
// Files are opened for reading, without locks, and only regular ones. Looks happen on one thread of the
// lowest priority, in pieces of 256 KiB, and memory depends on the number of logs alone.
//
// # When a file is another one
//
// A generation is one file from its first byte on. Its beginning and the end of what was read are
// looked at again with every look at a file that changed, before and after reading. Another file under
// the name, a shorter file, or other bytes in these two places begin a new generation, whose first
// anchor says which it was and links to the last anchor before. A file that was renamed is read to its
// end meanwhile. What was written and taken away between two looks, nobody here has seen; and a change
// in the middle of a file is for Check to find, from the hashes.
package anchor
