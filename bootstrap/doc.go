// Package bootstrap finds the first peers of a node and keeps it connected to some.
//
// It knows these kinds of peers and dials them in this order:
//
//   - anchors: up to four peers that were connected when the node last saved its book. They are tried
//     before anything else after a restart, so that whoever controls the seeds or the local network of
//     a restarting node does not thereby control all of its peers;
//   - seeds: what the operator named. Each one is retried for as long as the node runs;
//   - all others: those announced on the local network by multicast DNS, those of the book, those that
//     connected peers tell of when they are asked (Config.Exchange), and those found in a DHT of the
//     network's own (Config.DHT).
//
// Of all but seeds, at most two are dialled in one part of the public internet, an IPv4 /16 or an IPv6
// /32, so that whoever owns an address block does not own all of our peers.
//
// Introducers, which have nothing to offer but other peers, are asked first, do not count as peers, and
// are let go when there are enough. A seed that is one is visited from time to time, so that it can tell
// others of us.
//
// Seeds are dialled whether or not the node has peers, only slower when it has enough, since two groups
// of nodes can be joined by nothing else. All others are dialled while peers are fewer than wanted.
// Connected peers are pinged; one that does not answer is closed, so that a dead link is noticed in
// seconds.
//
// # Who owns what
//
// All that is known about seeds and peers is held by one plan, which is guarded by Bootstrap.mu. The plan
// is pure: it has no clock, no network and no goroutine; "now", the list of connected peers and the
// results of dials are its inputs, and what to dial is its output. Around it stand these goroutines, all
// started by Run, all ended when Run returns, and none of which holds the lock while it waits for a peer:
//
//   - the loop, which asks the plan what is due and starts at most four dials and two questions at once;
//   - one goroutine for each dial, which resolves, connects, and tells the plan how it went, and one for
//     each question;
//   - the pinger, with at most one ping in flight for each connected peer;
//   - the saver, the only one that writes to the Book (periodically and once more when Run ends);
//   - the watcher, which compares network interfaces every two seconds;
//   - for multicast DNS one announcer and one browser for each of IPv4 and IPv6, and for the DHT one that
//     announces and searches, besides those of its library.
//
// The host belongs to the caller and must stay open until Run has returned; otherwise the last save
// sees no connections and keeps the anchors of the save before.
package bootstrap
