package api_test

import (
	"crypto/sha256"

	"p2pchain/api"
)

// noTokens knows none.
func noTokens([sha256.Size]byte) (api.Scope, bool) { return "", false }

// oneToken knows one, which allows everything.
func oneToken(token string) func([sha256.Size]byte) (api.Scope, bool) {
	return func(sum [sha256.Size]byte) (api.Scope, bool) {
		return api.ScopeAdmin, sum == sha256.Sum256([]byte(token))
	}
}
