package core_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// The vectors are what another implementation would be written against: each has the fields in JSON
// and the bytes in hex. Numbers that may pass 2⁵³ are strings.

type networkVector struct {
	Name          string    `json:"name"`
	Params        string    `json:"params"` // the bytes of the parameter file
	ParamsHash    core.Hash `json:"params_hash"`
	GenesisHeader string    `json:"genesis_header"`
	GenesisHash   core.Hash `json:"genesis_hash"`
	NetworkID     string    `json:"network_id"`
}

func TestNetworkVectors(t *testing.T) {
	var vectors []networkVector
	for _, name := range core.BuiltinNames() {
		n := coretest.Builtin(t, name)
		params, header := n.Params.Encode(), n.Header.Encode()
		golden(t, name+".params.json", params) // sha256sum of this file is params_hash
		vectors = append(vectors, networkVector{
			Name: name, Params: string(params), ParamsHash: n.Params.Hash(),
			GenesisHeader: hex.EncodeToString(header[:]), GenesisHash: n.Genesis, NetworkID: n.ID(),
		})
	}
	goldenJSON(t, "networks.json", vectors)
	for _, v := range vectors {
		p, err := core.ParseParams([]byte(v.Params))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		n, err := core.NewNetwork(p)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if n.Genesis != v.GenesisHash || v.ParamsHash != sha256.Sum256([]byte(v.Params)) || n.Header.MessageRoot != v.ParamsHash {
			t.Errorf("%s: read back as %v", v.Name, n)
		}
	}
}

type messageVector struct {
	Name        string          `json:"name"`
	GenesisHash core.Hash       `json:"genesis_hash"`
	KeySeed     string          `json:"key_seed"` // RFC 8032's private key
	Author      core.PublicKey  `json:"author"`
	TimeMS      uint64          `json:"time_ms"`
	SeenHash    core.Hash       `json:"seen_hash"`
	Nonce       uint64          `json:"nonce,string"`
	MediaType   string          `json:"media_type"`
	PayloadSize uint32          `json:"payload_size"`
	Commitment  core.Hash       `json:"payload_commitment"`
	Salt        *string         `json:"salt"`    // null: the body was dropped
	Payload     *string         `json:"payload"` // hex
	ID          core.Hash       `json:"id"`
	Signature   *core.Signature `json:"signature"`
	Size        int             `json:"size"` // the same with and without a body
	Bytes       string          `json:"bytes"`
}

// vectorMessages returns messages that use every field to its limits.
func vectorMessages(t *testing.T, n *core.Network) map[string]*core.Message {
	short := coretest.Message(t, n, coretest.Key(1), "hello")
	bare := *short
	bare.Body = nil
	return map[string]*core.Message{
		"text":           short,
		"without a body": &bare,
		"empty payload":  coretest.Message(t, n, coretest.Key(2), ""),
		"largest media type": coretest.MessageWith(t, n, coretest.Key(3), "\x00\xff\n", func(m *core.Message) {
			m.MediaType = "application/" + strings.Repeat("x", 50) + " ~"
		}),
		"largest numbers": coretest.MessageWith(t, n, coretest.Key(4), "late", func(m *core.Message) {
			m.TimeMS, m.Nonce, m.Seen = core.MaxTimeMS, 1<<64-1, core.Hash{}
		}),
	}
}

func TestMessageVectors(t *testing.T) {
	names := []string{"text", "without a body", "empty payload", "largest media type", "largest numbers"}
	keys := map[string]int{"text": 1, "without a body": 1, "empty payload": 2, "largest media type": 3, "largest numbers": 4}
	n := coretest.Network(t)
	messages := vectorMessages(t, n)
	var vectors []messageVector
	for _, name := range names {
		m := messages[name]
		v := messageVector{
			Name: name, GenesisHash: n.Genesis, KeySeed: hex.EncodeToString(coretest.Key(keys[name]).Seed()),
			Author: m.Author, TimeMS: m.TimeMS, SeenHash: m.Seen, Nonce: m.Nonce, MediaType: m.MediaType,
			PayloadSize: m.PayloadSize, Commitment: m.Commitment, ID: m.ID, Signature: &m.Signature,
			Size: m.Size(), Bytes: hex.EncodeToString(m.Bytes()),
		}
		if m.Body != nil {
			salt, payload := hex.EncodeToString(m.Body.Salt[:]), hex.EncodeToString(m.Body.Payload)
			v.Salt, v.Payload = &salt, &payload
		}
		vectors = append(vectors, v)
	}
	goldenJSON(t, "messages.json", vectors)
}

// TestMessageVectorsRead decodes the file, so that reading is held as well as writing.
func TestMessageVectorsRead(t *testing.T) {
	var vectors []messageVector
	readGolden(t, "messages.json", &vectors)
	for _, v := range vectors {
		b := unhex(t, v.Bytes)
		m, err := core.DecodeMessage(v.GenesisHash, b)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		want := core.Envelope{
			Author: v.Author, TimeMS: v.TimeMS, Seen: v.SeenHash, Nonce: v.Nonce, MediaType: v.MediaType,
			PayloadSize: v.PayloadSize, Commitment: v.Commitment,
		}
		if m.Envelope != want || m.ID != v.ID || m.Signature != *v.Signature || m.Size() != v.Size {
			t.Errorf("%s: read as %+v", v.Name, m)
		}
		if !bytes.Equal(m.Bytes(), b) {
			t.Errorf("%s: written as %x", v.Name, m.Bytes())
		}
		if (m.Body == nil) != (v.Salt == nil) || m.Body != nil && (*v.Salt != hex.EncodeToString(m.Body.Salt[:]) || *v.Payload != hex.EncodeToString(m.Body.Payload)) {
			t.Errorf("%s: body %+v", v.Name, m.Body)
		}
		if err := m.CheckBody(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		key := ed25519.NewKeyFromSeed(unhex(t, v.KeySeed))
		if !bytes.Equal(ed25519.Sign(key, v.ID[:]), v.Signature[:]) {
			t.Errorf("%s: not what RFC 8032 signs", v.Name)
		}
	}
}

type headerVector struct {
	Name         string    `json:"name"`
	MessageCount uint32    `json:"message_count"`
	Height       uint64    `json:"height,string"`
	PreviousHash core.Hash `json:"previous_hash"`
	MessageRoot  core.Hash `json:"message_root"`
	HistoryRoot  core.Hash `json:"history_root"`
	Work         core.Work `json:"work"`
	TimeMS       uint64    `json:"time_ms,string"`
	BusyMS       uint32    `json:"busy_ms"`
	Bits         string    `json:"bits"`
	Nonce        uint64    `json:"nonce,string"`
	Bytes        string    `json:"bytes"`
	Hash         core.Hash `json:"hash"`
}

func newHeaderVector(name string, h core.Header) headerVector {
	b := h.Encode()
	return headerVector{
		Name: name, MessageCount: h.MessageCount, Height: h.Height, PreviousHash: h.PreviousHash,
		MessageRoot: h.MessageRoot, HistoryRoot: h.HistoryRoot, Work: h.Work, TimeMS: h.TimeMS,
		BusyMS: h.BusyMS, Bits: fmt.Sprintf("%08x", uint32(h.Bits)), Nonce: h.Nonce,
		Bytes: hex.EncodeToString(b[:]), Hash: h.Hash(),
	}
}

type blockVector struct {
	Header   headerVector `json:"header"`
	Messages []string     `json:"messages"`
	Leaves   []string     `json:"leaves"`
	Size     int          `json:"size"` // the same with and without bodies
}

// TestHeaderAndBlockVectors holds a header whose bytes all differ, and a small valid chain.
func TestHeaderAndBlockVectors(t *testing.T) {
	var b [core.HeaderSize]byte
	for i := range b {
		b[i] = byte(i + 1)
	}
	copy(b[:4], "p2c1")
	counted, err := core.DecodeHeader(b[:])
	if err != nil {
		t.Fatal(err)
	}
	headers := []headerVector{newHeaderVector("counting bytes", counted)}

	n := coretest.Network(t)
	tip := coretest.Genesis(n)
	var blocks []blockVector
	for i, count := range []int{1, 0, 3} {
		block := coretest.Next(t, n, tip, coretest.Messages(t, n, fmt.Sprint("block", i+1), count)...)
		tip = tip.After(block)
		v := blockVector{
			Header: newHeaderVector(fmt.Sprintf("%d on the test network", i+1), block.Header), Size: block.Size(),
			Messages: []string{}, Leaves: []string{},
		}
		for _, m := range block.Messages {
			leaf := m.Leaf()
			raw := leaf.Bytes()
			v.Messages = append(v.Messages, hex.EncodeToString(m.Bytes()))
			v.Leaves = append(v.Leaves, hex.EncodeToString(raw[:]))
			if core.DecodeLeaf(raw) != leaf {
				t.Errorf("leaf %x is read as another", raw)
			}
		}
		if bare := coretest.WithoutBodies(block); bare.Size() != block.Size() {
			t.Errorf("size %d, without bodies %d", block.Size(), bare.Size())
		}
		headers, blocks = append(headers, v.Header), append(blocks, v)
	}
	goldenJSON(t, "headers.json", headers)
	goldenJSON(t, "blocks.json", blocks)
}

func TestHeaderVectorsRead(t *testing.T) {
	var vectors []headerVector
	readGolden(t, "headers.json", &vectors)
	for _, v := range vectors {
		h, err := core.DecodeHeader(unhex(t, v.Bytes))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if got := newHeaderVector(v.Name, h); got != v {
			t.Errorf("%s: read as %+v", v.Name, got)
		}
	}
}

type rootVector struct {
	Leaves []string  `json:"leaves"`
	Root   core.Hash `json:"root"`
}

func TestMessageRootVectors(t *testing.T) {
	var vectors []rootVector
	for _, count := range []int{0, 1, 2, 3, 5, 8} {
		v := rootVector{Leaves: []string{}}
		leaves := make([]core.Leaf, count)
		for i := range leaves {
			leaves[i].ID = sha256.Sum256(fmt.Appendf(nil, "id %d", i))
			copy(leaves[i].Signature[:], bytes.Repeat([]byte{byte(i)}, 64))
			raw := leaves[i].Bytes()
			v.Leaves = append(v.Leaves, hex.EncodeToString(raw[:]))
		}
		v.Root = core.MessageRoot(leaves)
		vectors = append(vectors, v)
	}
	goldenJSON(t, "message_roots.json", vectors)
}

type historyVector struct {
	Size  uint64      `json:"size"`
	Peaks []core.Hash `json:"peaks"` // the largest subtree first
	Root  core.Hash   `json:"root"`
}

// TestHistoryVectors takes SHA-256("block 0"), SHA-256("block 1"), … as block hashes.
func TestHistoryVectors(t *testing.T) {
	var history core.Frontier
	vectors := []historyVector{}
	for i := range 17 {
		vectors = append(vectors, historyVector{history.Size(), history.Peaks(), history.Root()})
		history = history.Append(sha256.Sum256(fmt.Appendf(nil, "block %d", i)))
	}
	goldenJSON(t, "history.json", vectors)
}
