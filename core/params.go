package core

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// ErrBadParams means that network parameters break a limit or are not in their form.
var ErrBadParams = errors.New("bad network parameters")

// The two kinds of proof of work.
const (
	PowHeader  = "header"  // SHA-256 of the header at or below the target
	PowClassic = "classic" // seed 1's: binds only the proof before it
)

// Params are all that the nodes of one network must agree on. The genesis header commits to them,
// so two nodes with any difference are on different networks. Their limits are
// in docs/formats.md.
type Params struct {
	Name             string
	Text             string // what /chain shows for genesis
	GenesisTimeMS    uint64
	Pow              string // PowHeader or PowClassic
	Difficulty       int    // leading zero hex digits: the floor
	BlockIntervalMS  uint64 // T; 0 means no retarget
	MaxPayloadBytes  int
	MaxBlockMessages int
	MaxBlockBytes    int
	StampBits        int         // work per message
	Authors          []PublicKey // if any: only these keys may write; ascending
}

// Builtin returns the parameters of a built-in network: main, classic or test.
func Builtin(name string) (Params, bool) {
	p := Params{
		Name:             name,
		Pow:              PowHeader,
		MaxPayloadBytes:  16384,
		MaxBlockMessages: 32768,
		MaxBlockBytes:    8388608,
	}
	switch name {
	case "main":
		p.Text = "What is written here stays written: p2pchain main, one commons for everybody who keeps a copy."
		p.GenesisTimeMS, p.Difficulty, p.BlockIntervalMS = 1795219200000, 6, 5000
	case "classic":
		p.Text = "Like the first chain of the class: p2pchain classic, one message a block and a proof that binds no data."
		p.GenesisTimeMS, p.Difficulty, p.Pow, p.MaxBlockMessages = 1795219200000, 5, PowClassic, 1
	case "test":
		p.Text = "A chain for simulated clocks: p2pchain test."
		p.GenesisTimeMS, p.Difficulty, p.BlockIntervalMS = 946684800000, 1, 200
	default:
		return Params{}, false
	}
	return p, true
}

// BuiltinNames lists the built-in networks.
func BuiltinNames() []string { return []string{"main", "classic", "test"} }

// Validate returns every limit of docs/formats.md that the parameters break, joined, each naming
// its field and wrapping ErrBadParams; nil if there is none.
func (p *Params) Validate() error {
	var errs []error
	fail := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s %s: %w", field, fmt.Sprintf(format, args...), ErrBadParams))
	}
	within := func(field string, v, lo, hi int) {
		if v < lo || v > hi {
			fail(field, "is %d, want %d to %d", v, lo, hi)
		}
	}
	if !validName(p.Name) {
		fail("name", "%q, want 1 to 32 of a-z, 0-9 and -", p.Name)
	}
	if len(p.Text) > 200 || !plain(p.Text) {
		fail("text", "want at most 200 printable ASCII characters without \" \\ < > &")
	}
	if p.GenesisTimeMS > MaxTimeMS {
		fail("genesis_time_ms", "is %d, want at most %d", p.GenesisTimeMS, uint64(MaxTimeMS))
	}
	if p.Pow != PowHeader && p.Pow != PowClassic {
		fail("pow", "is %q, want %s or %s", p.Pow, PowHeader, PowClassic)
	}
	within("difficulty", p.Difficulty, 1, 16)
	if p.BlockIntervalMS != 0 && (p.BlockIntervalMS < 100 || p.BlockIntervalMS > 3600000) {
		fail("block_interval_ms", "is %d, want 0, or 100 to 3600000", p.BlockIntervalMS)
	}
	within("max_payload_bytes", p.MaxPayloadBytes, 1, MaxPayload)
	within("max_block_messages", p.MaxBlockMessages, 1, 32768)
	within("max_block_bytes", p.MaxBlockBytes, 65536, 33554432)
	within("stamp_bits", p.StampBits, 0, 32)
	within("authors (their number)", len(p.Authors), 0, 1024)
	for i := 1; i < len(p.Authors); i++ {
		if Hash(p.Authors[i-1]).Compare(Hash(p.Authors[i])) >= 0 {
			fail("authors", "are not strictly ascending at entry %d", i)
		}
	}
	if p.Pow == PowClassic && (p.BlockIntervalMS != 0 || p.MaxBlockMessages != 1) {
		fail("pow", "classic needs block_interval_ms 0 and max_block_messages 1")
	}
	return errors.Join(errs...)
}

// Hash returns params_hash, the SHA-256 of Encode: what sha256sum prints for a parameter file.
func (p *Params) Hash() Hash { return sha256.Sum256(p.Encode()) }

// validName reports whether s matches [a-z0-9-]{1,32}.
func validName(s string) bool {
	return len(s) >= 1 && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// plain reports whether a JSON string of s needs no escape at all.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || strings.IndexByte(`"\<>&`, s[i]) >= 0 {
			return false
		}
	}
	return true
}
