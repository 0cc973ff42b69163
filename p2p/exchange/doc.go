// Package exchange holds the protocols in which one node asks another: hello, headers, blocks,
// messages, the ids that wait, and votes.
//
// A Client asks, a Server answers. One question is one stream: a request in one frame, then the
// answer in one or more. A frame is a protobuf message of package wire after its size as a varint.
// Nothing is remembered between two requests, but for a sketch of what waits, for a moment.
//
// Both sides hold the other one to limits. Every size is checked before anything of that size is
// allocated, and what a stream may allocate is reserved at libp2p's resource manager. A frame that
// takes too long, in either direction, ends the stream, and so does the end of the stream's time. A
// peer that asks too often is answered later, not less. What comes is checked against what was asked
// for: headers continue the locator, a block has the hash that was asked, a message the id.
//
// An error of a Client wraps ErrProtocol where the peer broke these rules, and ErrTransport where no
// answer came.
package exchange
