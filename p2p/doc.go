// Package p2p is the node as its peers see it: a libp2p host, the table of peers, and the parts that
// talk to them.
//
// A Node owns the host. Whoever connects is asked for its hello first: a peer of another network is
// let go with one log line that names both networks, and any other one is ready from then on, is
// asked again every half minute, and is handed to the syncer, which compares claims of work, and to
// gossip. Package exchange holds the request protocols, gossip the topics, syncer what to fetch next.
package p2p
