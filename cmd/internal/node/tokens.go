package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"p2pchain/api"
)

// tokensFile holds the named tokens, as hashes.
const tokensFile = "api.tokens"

var (
	// ErrTokenExists means that there is a token of this name already.
	ErrTokenExists = errors.New("there is a token of this name already")
	// ErrNoToken means that there is no token of this name.
	ErrNoToken = errors.New("there is no token of this name")
	// ErrTokenName means that a name, or a scope, cannot be given to a token.
	ErrTokenName = errors.New("not for a token")
)

// A Token is what is kept of a named token. The token itself is shown once and kept nowhere.
type Token struct {
	Name    string    `json:"name"`
	Scope   api.Scope `json:"scope"`
	SHA256  string    `json:"sha256"` // hex; tokens are random, so a plain hash gives nothing away
	Created time.Time `json:"created"`
}

// check returns nil if a token may be kept.
func (t Token) check() error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	if t.Name == "" || len(t.Name) > 64 || strings.Trim(t.Name, letters) != "" {
		return fmt.Errorf("name %q: want at most 64 letters, digits, -, _ and dots: %w", t.Name, ErrTokenName)
	}
	if !slices.Contains(api.Scopes(), t.Scope) {
		return fmt.Errorf("scope %q: want one of %q: %w", t.Scope, api.Scopes(), ErrTokenName)
	}
	if sum, err := hex.DecodeString(t.SHA256); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("token %q: its hash is none: %w", t.Name, ErrTokenName)
	}
	return nil
}

// AddToken makes a token for the node of a data directory and returns it. A node that runs takes it
// from then on. Errors: ErrTokenName, ErrTokenExists, ErrDirectory.
func AddToken(dir, name string, scope api.Scope, now time.Time) (string, error) {
	token := newToken()
	sum := sha256.Sum256([]byte(token))
	entry := Token{name, scope, hex.EncodeToString(sum[:]), now.UTC().Truncate(time.Second)}
	if err := entry.check(); err != nil {
		return "", err
	}
	return token, editTokens(dir, func(list []Token) ([]Token, error) {
		if slices.ContainsFunc(list, func(t Token) bool { return t.Name == name }) {
			return nil, fmt.Errorf("%q: %w", name, ErrTokenExists)
		}
		return append(list, entry), nil
	})
}

// RemoveToken takes a token back. A node that runs refuses it from then on. Errors: ErrNoToken,
// ErrDirectory.
func RemoveToken(dir, name string) error {
	return editTokens(dir, func(list []Token) ([]Token, error) {
		left := slices.DeleteFunc(slices.Clone(list), func(t Token) bool { return t.Name == name })
		if len(left) == len(list) {
			return nil, fmt.Errorf("%q: %w", name, ErrNoToken)
		}
		return left, nil
	})
}

// Tokens lists the named tokens of a data directory, the oldest first.
func Tokens(dir string) ([]Token, error) {
	path := filepath.Join(dir, tokensFile)
	text, err := readPrivate(path)
	if err != nil || text == nil {
		return nil, err
	}
	list, err := parseTokens(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, err, ErrDirectory)
	}
	return list, nil
}

// parseTokens reads one token a line.
func parseTokens(text []byte) ([]Token, error) {
	var list []Token
	names := make(map[string]bool)
	for number, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		var t Token
		err := dec.Decode(&t)
		if err == nil && dec.More() {
			err = errors.New("something follows the token")
		}
		if err = errors.Join(err, t.check()); err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		if names[t.Name] {
			return nil, fmt.Errorf("line %d: %q stands twice", number+1, t.Name)
		}
		names[t.Name] = true
		list = append(list, t)
	}
	return list, nil
}

// editTokens changes the list of tokens.
func editTokens(dir string, edit func([]Token) ([]Token, error)) error {
	return changeTokens(dir, func() error {
		list, err := Tokens(dir)
		if err != nil {
			return err
		}
		if list, err = edit(list); err != nil {
			return err
		}
		var text bytes.Buffer
		for _, t := range list {
			line, err := json.Marshal(t)
			if err != nil {
				return err
			}
			text.Write(append(line, '\n'))
		}
		return replaceFile(filepath.Join(dir, tokensFile), text.Bytes(), 0o600)
	})
}
