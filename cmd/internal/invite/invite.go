package invite

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"p2pchain/core"
)

var (
	// ErrInvite means that a text is not an invite, or that something cannot be put into one.
	ErrInvite = errors.New("not a usable invite")
	// ErrNewer means that an invite is of a later form than this program knows. It is an ErrInvite.
	ErrNewer = fmt.Errorf("made by a newer version of p2pchain: %w", ErrInvite)
)

const (
	// MaxPeers is how many peers an invite may name, MaxAddrs how many addresses they may have.
	MaxPeers = 8
	MaxAddrs = 16

	family   = "p2pchain"
	prefix   = family + "1"
	maxText  = 80 << 10 // 1,024 authors and the longest addresses
	sumBytes = 4
	sumLabel = "p2pchain/invite/1"
)

// An Invite says which network to join, and where.
type Invite struct {
	Network *core.Network
	// Addrs are multiaddrs that end in /p2p/ID, those of one peer together, the best first.
	Addrs []string
}

// Encode returns the invite as one line of lower-case letters and digits. An address that cannot be
// dialled, too many of them and none at all are ErrInvite.
func (i Invite) Encode() (string, error) {
	peers, err := group(i.Addrs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", err, ErrInvite)
	}
	b := appendNetwork(nil, i.Network)
	b = append(b, i.Network.Genesis[:genesisBytes]...)
	b = appendPeers(b, peers)
	sum := checksum(b)
	return prefix + alphabet().EncodeToString(append(b, sum[:]...)), nil
}

// Parse reads an invite strictly; errors are ErrInvite and say what is wrong with which part.
func Parse(text string) (Invite, error) {
	raw, err := unwrap(text)
	if err != nil {
		return Invite{}, err
	}
	i, err := decode(raw)
	if err != nil {
		return Invite{}, fmt.Errorf("invite: %w: %w", err, ErrInvite)
	}
	return i, nil
}

// unwrap returns the bytes of an invite without their checksum, which fits.
func unwrap(text string) ([]byte, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("invite of %d characters: longer than any: %w", len(text), ErrInvite)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	if text == strings.ToUpper(text) { // as QR codes have it; a mixture is none of ours
		text = strings.ToLower(text)
	}
	body, ok := strings.CutPrefix(text, prefix)
	if !ok {
		rest, ours := strings.CutPrefix(text, family)
		if ours && rest != "" && rest[0] > '1' && rest[0] <= '9' {
			return nil, fmt.Errorf("invite %.20q…: %w", text, ErrNewer)
		}
		begin := fmt.Sprintf("%.20q", text)
		if len(text) > 20 {
			begin += "…"
		}
		return nil, fmt.Errorf("%s does not begin with %s: %w", begin, prefix, ErrInvite)
	}
	b, err := alphabet().DecodeString(body)
	if err != nil || alphabet().EncodeToString(b) != body {
		return nil, fmt.Errorf("invite: a character in it is not of an invite, or it was cut off: %w", ErrInvite)
	}
	if len(b) < sumBytes {
		return nil, fmt.Errorf("invite: cut off: %w", ErrInvite)
	}
	raw, sum := b[:len(b)-sumBytes], b[len(b)-sumBytes:]
	if want := checksum(raw); string(want[:]) != string(sum) {
		return nil, fmt.Errorf("invite: mistyped or cut off, its checksum does not fit: %w", ErrInvite)
	}
	return raw, nil
}

func checksum(b []byte) [sumBytes]byte {
	sum := sha256.Sum256(append([]byte(sumLabel), b...))
	return [sumBytes]byte(sum[:sumBytes])
}

// alphabet is base32 as invites use it.
func alphabet() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}
