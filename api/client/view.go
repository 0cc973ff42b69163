package client

import "p2pchain/api"

// What a node answers with; the fields are described in package api.
type (
	Block          = api.Block
	BlockName      = api.BlockName
	BlockPage      = api.BlockPage
	BlockPart      = api.BlockPart
	Bound          = api.Bound
	ChainBlock     = api.ChainBlock
	ChainMessage   = api.ChainMessage
	Connected      = api.Connected
	Content        = api.Content
	DataBlock      = api.DataBlock
	DataMessage    = api.DataMessage
	FullBlock      = api.FullBlock
	ImportResult   = api.ImportResult
	HeaderPage     = api.HeaderPage
	Invite         = api.Invite
	LineResult     = api.LineResult
	Links          = api.Links
	MempoolPage    = api.MempoolPage
	Message        = api.Message
	MessagePage    = api.MessagePage
	Mining         = api.Mining
	Node           = api.Node
	Payload        = api.Payload
	Peer           = api.Peer
	PeerList       = api.PeerList
	Receipt        = api.Receipt
	Reorg          = api.Reorg
	ReorgPage      = api.ReorgPage
	SearchResult   = api.SearchResult
	SeedNode       = api.SeedNode
	SeedPeer       = api.SeedPeer
	Standing       = api.Standing
	Sync           = api.Sync
	Time           = api.Time
	Tip            = api.Tip
	TipInfo        = api.TipInfo
	TipList        = api.TipList
	WaitingMessage = api.WaitingMessage
	Written        = api.Written
)

// The words of api that programs compare with.
const (
	StatusWaiting   = api.StatusWaiting
	StatusConfirmed = api.StatusConfirmed

	LineAccepted = api.LineAccepted
	LineKnown    = api.LineKnown
	LineRefused  = api.LineRefused
	LineStopped  = api.LineStopped

	ImportRunning = api.ImportRunning
	ImportDone    = api.ImportDone
	ImportStopped = api.ImportStopped
)
