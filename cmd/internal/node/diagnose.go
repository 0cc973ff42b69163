package node

import (
	"net"
	"path/filepath"
)

// StoreDir returns where in a data directory the store is.
func StoreDir(dir string) string { return filepath.Join(dir, storeFolder) }

// SecretFiles returns the names of the files in a data directory that only its owner may read.
func SecretFiles() []string { return []string{identityFile, tokenFile, ownKeyFile} }

// KeptSeeds returns the addresses that the node of a data directory joins at every start. A line of the
// file that is no address is ErrConfig.
func KeptSeeds(dir string) ([]string, error) { return keptSeeds(dir) }

// DefaultListen returns the addresses for other nodes where none was chosen and the port is free.
func DefaultListen() []string { return defaultListen(DefaultPort) }

// ProbeListen says whether a multiaddr can be listened on, by doing so for a moment.
func ProbeListen(addr string) error { return probe(addr) }

// ProbeHTTP says whether the API can be served at HOST:PORT, by listening there for a moment.
func ProbeHTTP(addr string) error {
	l, err := net.Listen(httpNetwork(addr), addr)
	if err != nil {
		return err
	}
	return l.Close()
}
