package api

import "p2pchain/core"

// signedMedia is the media type of a message that its author has signed: envelope, signature and body.
const signedMedia = "application/vnd.p2pchain.message"

// decodeSigned reads a message that comes signed. Whether it is good is for the pool to say.
func (s *Server) decodeSigned(encoded []byte) (*core.Message, error) {
	limit := int64(s.deps.Network.Params.MaxPayloadBytes)
	if int64(len(encoded)) > core.MaxMessageSize-core.MaxPayload+limit {
		return nil, tooLarge("payload_too_large", "a message on this network", limit)
	}
	return core.DecodeMessage(s.deps.Network.Genesis, encoded)
}
