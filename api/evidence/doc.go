// Package evidence says in plain words what the chain shows about a message, and what it does not.
//
// The API, the command line and the receipt say the same thing with these words. They never say more
// than is proven: a header's time is what its miner's clock said, a key is not a person, and work that
// nobody has checked is a claim. Everything here is pure. What a text quotes of strangers is as they
// wrote it: whoever shows it makes it safe for where it is shown.
package evidence
