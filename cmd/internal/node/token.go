package node

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	tokenFile  = "api.token"
	tokenBytes = 32
)

// ReadToken returns the token that writes to the API of a data directory's node need, empty where
// there is none.
func ReadToken(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, tokenFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	return strings.TrimSpace(string(text)), nil
}

// ensureToken returns the token of a data directory and makes one where there is none.
func ensureToken(dir string) (string, error) {
	token, err := ReadToken(dir)
	if err != nil || token != "" {
		return token, err
	}
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails: it ends the process instead
	token = hex.EncodeToString(random[:])
	return token, replaceFile(filepath.Join(dir, tokenFile), []byte(token+"\n"), 0o600)
}
