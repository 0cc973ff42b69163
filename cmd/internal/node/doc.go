// Package node builds a whole node out of its parts, starts them, and stops them in order.
//
// It is the only package that knows every part. What the parts ask of each other through their small
// interfaces is adapted here: the peer book over the store, the API's view of the network over
// libp2p. Parts run in this order: backup, mempool, p2p, bootstrap, guard, pulse, miner, api. They end the
// other way round, each only when those that lean on it are gone: no request meets a part that has
// stopped, no block is sealed that nobody can be told of, and the chain file gets every block. The
// store is closed last. The pulse asks all parts whether they still answer; what they count is at
// /metrics.
//
// A data directory holds identity.key (the node's key, mode 0600), network.json (the parameters it
// was made for), store/, api.token where the API is open to others (mode 0600), seeds.txt (nodes to
// join at every start), invite.txt (what others join with, as of the last run), the chain file with
// what belongs to it (see cmd/internal/backup) and, while a node runs, api.json (where its API is).
// The folder bootstrap in it is that of an introducer: the same without a store.
package node
