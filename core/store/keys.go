package store

import (
	"encoding/binary"

	"p2pchain/core"
)

// The prefixes of the key table in the package comment.
const (
	prefixMeta      = 0x01
	prefixTip       = 0x02
	prefixSequence  = 0x03
	prefixJournal   = 0x04
	prefixForgotten = 0x05
	prefixEntry     = 0x10
	prefixHeight    = 0x11
	prefixHistory   = 0x12
	prefixLeaves    = 0x13
	prefixSide      = 0x14
	prefixCondemned = 0x15
	prefixRecord    = 0x20
	prefixIndex     = 0x22
	prefixWaiting   = 0x23
	prefixWaitingID = 0x24
	prefixDigest    = 0x25
	prefixErasure   = 0x26
	prefixGap       = 0x27
	prefixErased    = 0x28
	prefixErrand    = 0x29
	prefixClaim     = 0x2a
	prefixReorg     = 0x30
	prefixPeer      = 0x31
	prefixNote      = 0x32
)

// hashKey is the key of what is kept under a block hash or a message id.
func hashKey(prefix byte, h core.Hash) []byte {
	return append([]byte{prefix}, h[:]...)
}

// numberKey is the key of what is kept under a height, a sequence number or a count.
func numberKey(prefix byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, n)
}

// blockKey is the key of what is kept under a height and the block there, in the order of heights.
func blockKey(prefix byte, height uint64, h core.Hash) []byte {
	return append(numberKey(prefix, height), h[:]...)
}

// historyKey is the key of a node of the history tree.
func historyKey(level int, index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixHistory, byte(level)}, index)
}

// peerKey is the key of a peer in the peer book.
func peerKey(id string) []byte { return append([]byte{prefixPeer}, id...) }

// keyHash reads back what hashKey wrote; false for a key of another length.
func keyHash(key []byte) (core.Hash, bool) {
	if len(key) != 1+core.HashSize {
		return core.Hash{}, false
	}
	return core.Hash(key[1:]), true
}

// keyBlock reads back what blockKey wrote; false for a key of another length.
func keyBlock(key []byte) (uint64, core.Hash, bool) {
	if len(key) != 9+core.HashSize {
		return 0, core.Hash{}, false
	}
	return binary.BigEndian.Uint64(key[1:]), core.Hash(key[9:]), true
}

// keyNumber reads back what numberKey wrote; false for a key of another length.
func keyNumber(key []byte) (uint64, bool) {
	if len(key) != 9 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}
