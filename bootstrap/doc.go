// Package bootstrap finds the first peers of a node and keeps it connected to some.
//
// It knows four kinds of peers and dials them in this order:
//
//   - anchors: up to four peers that were connected when the node last saved its book. They are tried
//     before anything else after a restart, so that whoever controls the seeds or the local network of
//     a restarting node does not thereby control all of its peers;
//   - seeds: what the operator named. Each one is retried for as long as the node runs;
//   - peers announced on the local network by multicast DNS;
//   - the other peers of the book.
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
//   - the loop, which asks the plan what is due and starts at most four dials at once;
//   - one goroutine for each dial, which resolves, connects, and tells the plan how it went;
//   - the pinger, with at most one ping in flight for each connected peer;
//   - the saver, the only one that writes to the Book (periodically and once more when Run ends);
//   - the watcher, which compares network interfaces every two seconds, and
//   - for multicast DNS one announcer and one browser for each of IPv4 and IPv6.
//
// The host belongs to the caller and must stay open until Run has returned; otherwise the last save
// sees no connections and keeps the anchors of the save before.
package bootstrap
