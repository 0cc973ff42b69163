// Package node builds a whole node out of its parts, starts them, and stops them in order.
//
// It is the only package that knows every part. What the parts ask of each other through their small
// interfaces is adapted here: the peer book over the store, the API's view of the network over
// libp2p. Order of life: store, chain, mempool, miner, p2p, bootstrap, api; they end the other way
// round, so nothing is asked of a part that is gone.
//
// A data directory holds identity.key (the node's key, mode 0600), network.json (the parameters it
// was made for), store/ and, while a node runs, api.json (where its API is).
package node
