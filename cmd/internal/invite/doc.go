// Package invite holds the one line with which a stranger joins a network: everything about the
// network, a check that both sides mean the same one, and addresses of nodes to join.
//
// An invite is "p2pchain1" and the base32 text (RFC 4648, lower case, no padding) of these bytes:
//
//	network    1 byte: 1 main, 2 classic, 3 test; 0: its parameters follow
//	             name                1 byte of length, characters
//	             text                1 byte of length, characters
//	             genesis_time_ms     number
//	             pow                 1 byte: 0 header, 1 classic
//	             difficulty          1 byte
//	             block_interval_ms, max_payload_bytes, max_block_messages, max_block_bytes: numbers
//	             stamp_bits          1 byte
//	             authors             number, then 32 bytes each, ascending
//	genesis    8 bytes: the first of the genesis hash, which is the network id
//	peers      1 byte: how many, 1 to 8; each
//	             key                 32 bytes: its Ed25519 public key, which is its peer id
//	             addresses           1 byte: how many; each 1 byte of length and a binary multiaddr
//	                                 without /p2p/ID at its end; at most 16 of all peers together
//	checksum   4 bytes: the first of SHA-256("p2pchain/invite/1" ‖ all bytes before)
//
// A number is an unsigned varint (LEB128) in its shortest form. There is one text for every invite:
// a built-in network must be written by its byte, no peer and no address stands twice, and nothing
// follows. In upper case, which is the same invite, all characters are of QR's alphanumeric kind, so
// that it makes the smallest possible code. White space is ignored, since mail programs break lines.
//
// An invite is not secret and proves nothing about who made it: it says which network and where, and
// whoever changes it can at worst lead to another network, whose id is shown to whoever joins.
package invite
