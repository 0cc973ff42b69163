// Package demo runs a few real nodes in one process, on loopback, and one page that shows all of them and
// does to them what happens to networks: it cuts them in two, stops them, damages their disks.
//
// Every node is built by cmd/internal/node, has a data directory and an API of its own, and its pages are the
// usual ones. The demo reaches into a node by three settings only: Config.Gate, which is how the network is
// cut; Config.Search, by which the real search for proofs of work goes at a given pace; and what Open returns
// for a damaged store. All else it does and learns by the node's API, like anybody else.
//
// Who owns which state:
//
//	member  one node's life: its goroutine alone opens, stops and damages it; orders wait in a queue of one
//	cut     which side each node is on; the gates of all nodes ask it
//	power   how the hash rate is shared out; each node's pacer has its part
//	stream  how many messages a second are added
//	board   what the page shows, and who waits for its next state
//
// Data flow one way: nodes poke the watcher by their events, the watcher pulls all of them and puts one State
// on the board, and each page follows the board by one stream of Server-Sent Events. Orders come by HTTP, are
// taken or refused at once, and what came of them shows up on the board.
package demo
