package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxParamsFile bounds a parameter file: 1,024 authors of 67 bytes and everything else.
const maxParamsFile = 128 << 10

// Encode returns the parameters as JSON with exactly the keys of docs/formats.md, in that order
// and without white space. Valid parameters need no escapes.
func (p *Params) Encode() []byte {
	b := []byte(`{"name":"` + p.Name + `","text":"` + p.Text + `","genesis_time_ms":`)
	b = strconv.AppendUint(b, p.GenesisTimeMS, 10)
	b = append(b, `,"pow":"`+p.Pow+`","difficulty":`...)
	b = strconv.AppendInt(b, int64(p.Difficulty), 10)
	b = append(b, `,"block_interval_ms":`...)
	b = strconv.AppendUint(b, p.BlockIntervalMS, 10)
	for _, f := range []struct {
		key   string
		value int
	}{
		{"max_payload_bytes", p.MaxPayloadBytes},
		{"max_block_messages", p.MaxBlockMessages},
		{"max_block_bytes", p.MaxBlockBytes},
		{"stamp_bits", p.StampBits},
	} {
		b = append(b, `,"`+f.key+`":`...)
		b = strconv.AppendInt(b, int64(f.value), 10)
	}
	b = append(b, `,"authors":[`...)
	for i, a := range p.Authors {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `"`+a.String()+`"`...)
	}
	return append(b, "]}"...)
}

// ParseParams reads a parameter file. White space and the order of keys are forgiven; unknown,
// missing and repeated keys, and values out of their limits, are not. Errors wrap ErrBadParams.
func ParseParams(b []byte) (Params, error) {
	if len(b) > maxParamsFile {
		return Params{}, fmt.Errorf("%d bytes, at most %d: %w", len(b), maxParamsFile, ErrBadParams)
	}
	if bytes.IndexByte(b, '\\') >= 0 { // nothing valid needs an escape, and one spelling is enough
		return Params{}, fmt.Errorf("a string holds an escape: %w", ErrBadParams)
	}
	var p Params
	var authors []string // as texts, since encoding/json would read a null as a key of zeros
	fields := map[string]any{
		"name": &p.Name, "text": &p.Text, "genesis_time_ms": &p.GenesisTimeMS, "pow": &p.Pow,
		"difficulty": &p.Difficulty, "block_interval_ms": &p.BlockIntervalMS,
		"max_payload_bytes": &p.MaxPayloadBytes, "max_block_messages": &p.MaxBlockMessages,
		"max_block_bytes": &p.MaxBlockBytes, "stamp_bits": &p.StampBits, "authors": &authors,
	}
	if err := parseFields(b, fields); err != nil {
		return Params{}, fmt.Errorf("%w: %w", err, ErrBadParams)
	}
	for i, text := range authors {
		key, err := ParsePublicKey(text)
		if err != nil {
			return Params{}, fmt.Errorf("key \"authors\", entry %d: %w: %w", i, err, ErrBadParams)
		}
		p.Authors = append(p.Authors, key)
	}
	if err := p.Validate(); err != nil {
		return Params{}, err
	}
	return p, nil
}

// parseFields fills each of fields exactly once. encoding/json alone would let repeated keys and
// other spellings of a key pass.
func parseFields(b []byte, fields map[string]any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	seen := make(map[string]bool, len(fields))
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		if fields[key] == nil {
			return fmt.Errorf("unknown key %q", key)
		}
		if seen[key] {
			return fmt.Errorf("key %q stands twice", key)
		}
		seen[key] = true
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		if string(raw) == "null" { // Unmarshal would leave the field as it is
			return fmt.Errorf("key %q is null", key)
		}
		if err := json.Unmarshal(raw, fields[key]); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	for key := range fields {
		if !seen[key] {
			return fmt.Errorf("key %q is missing", key)
		}
	}
	return nil
}
