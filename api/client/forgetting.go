package client

import "p2pchain/api"

// Forgetting says which payloads a node does not have any more.
type Forgetting = api.Forgetting

// What becomes of old payloads.
const (
	PruningOff     = api.PruningOff
	PruningRefused = api.PruningRefused
)
