// Package notary computes what a notarised file, directory or commit is known by: hashes of content that
// itself stays where it is.
//
// Everything is read as a stream in memory that does not grow with a file. A list of many files is one
// that sha256sum writes and checks, sorted by the bytes of the paths, so that the same files give the
// same list, and its hash, on every machine. Whatever changes while it is read is an error: the hash
// would be of something that never was.
package notary
