// Package doctest holds the tests of what is written for people: that every shell block of every page
// works as it stands there, that every link leads somewhere, and that pages which are generated are those
// that the code gives. It has no other code.
//
// # Blocks
//
// The words after ```sh say how a block is run; nobody who reads the page sees them.
//
//	sh                      run to its end, and ending with 0
//	sh exit=19              ending with this code instead
//	sh terminal             each line in a terminal of its own, where it goes on running
//	sh terminal quiet       the same of what says nothing at first; others are waited for until they do
//	sh ctrl-c               first stop what runs in the terminals of this machine, as Ctrl-C does
//	sh ctrl-c=WORD          only those whose command has this word
//	sh unplug, sh plug      first pull the cable out of this machine, or put it in again
//	sh on=NAME              on another machine, with a home of its own
//	sh needs=NAME           left out, with a line, where this command or this file of the module is missing
//	sh skip: REASON         not run, for this reason
//	nginx file=PATH         in any language: written into this file
//
// What has to be there before, or is looked at afterwards, and is none of the reader's business, is a block
// in a comment of HTML: it begins with "<!-- sh", takes the same words, and ends with "-->".
//
// The blocks of a page are one session: what one leaves (files, variables, functions, its folder) the next one
// finds. Each machine of a page has its own network and its own mounts; all hang on one cable, so nodes find
// each other by multicast as on a LAN, every port is free, and what is mounted for a page nobody else sees.
// The machines of a page share a working folder: a file that readers are told to carry over is there already.
// Pages at the top of the module begin in a copy of the sources, which is where the module is; others find it
// as $SOURCES. $OLDER is the program that $P2PCHAIN_OLDER names, for the page on upgrades.
//
// Running the blocks takes root (for the namespaces) and a minute, so it happens by `make docs` only.
package doctest
