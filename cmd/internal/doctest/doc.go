// Package doctest holds the tests of what is written for people: that every shell block of the README, the
// tutorials and the how-to pages works as it stands there, that every link leads somewhere, and that
// pages which are generated are those that the code gives. It has no other code.
//
// # Blocks
//
// The words after ```sh say how a block is run; nobody who reads the page sees them.
//
//	sh                      run to its end, and ending with 0
//	sh exit=19              ending with this code instead
//	sh terminal             each line in a terminal of its own, where it goes on running
//	sh ctrl-c               first stop what runs in the terminals of this machine, as Ctrl-C does
//	sh ctrl-c=WORD          only those whose command has this word
//	sh unplug, sh plug      first pull the cable out of this machine, or put it in again
//	sh on=NAME              on another machine, with a home of its own
//	sh skip: REASON         not run, for this reason
//
// The blocks of a page are one session: what one leaves (files, variables, its folder) the next one finds.
// Each machine of a page is a network namespace; all of them hang on one cable, so nodes find each other by
// multicast as on a LAN, and every port is free. The machines of a page share a working folder: a file that
// readers are told to carry over is there already.
//
// Running the blocks takes root (for the namespaces) and a minute, so it happens by `make docs` only.
package doctest
