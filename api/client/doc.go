// Package client talks to the API of a node. The command line and the tests use it.
//
// A Client has a method for each route. Errors of the node are *Error, with the code of its problem;
// errors.Is sorts them into the few kinds that a program may want to tell apart (ErrNotFound,
// ErrUnauthorized, ErrBusy, ErrRefused), and ErrUnreachable means that no answer came. Large answers
// are handed over piece by piece, and AddAll adds any number of messages, both in bounded memory.
package client
