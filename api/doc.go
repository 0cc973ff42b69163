// Package api serves a node over HTTP.
//
// The routes of both seeds stand at the root and never change (docs/seeds.md); everything else is
// below /api/v1. The route table in routes.go is the one list of them: a handler parses, calls a part
// of the node and writes, and every error becomes an application/problem+json answer in one place
// (errors.go) with a stable "code".
//
// What the API asks of the node it says in small interfaces (deps.go). It knows no libp2p and no disk.
//
// # Safety
//
// A browser on the same machine runs programs of strangers, so even a loopback API defends itself:
// requests with a foreign Host are refused (DNS rebinding), so is what pages of other origins change or
// embed, GET changes nothing, and CORS is for listed origins only. What needs which scope is a column
// of the route table; Config.Auth says when a token has to prove it.
//
// Everything that keeps memory for a client has a number of places (gate, connTable). A newcomer takes
// the place of whoever holds up his own request the longest, so slow clients keep nobody out, also on
// loopback, where all clients have one address. docs/security-of-the-api.md lists the limits.
//
// # Conventions
//
// Hashes and keys are lower-case hex, times RFC 3339 in UTC with milliseconds, and numbers that may
// pass 2⁵³ are strings. Large answers are streamed block by block, in memory that does not grow with
// the chain; if one breaks off, so does the connection, so a client never takes a part for the whole.
package api
