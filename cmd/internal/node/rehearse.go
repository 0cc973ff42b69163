package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"p2pchain/p2p"
)

// rehearse says whether the start of a new node would be refused: for an address that is taken or not this
// machine's, or for a certificate that cannot be read. So whoever corrects a flag finds no folder, key or
// store that the mistake has left. The addresses are kept until they are used, so that nobody else takes them
// meanwhile.
func (n *Node) rehearse(ctx context.Context) error {
	if exists(filepath.Join(n.cfg.Dir, storeFolder)) {
		return nil // whether another process has the directory comes first
	}
	n.onClose(n.held.release)
	if err := n.held.take(n.cfg.Listen); err != nil {
		return err
	}
	if n.cfg.HTTPCert != "" {
		if _, err := openCertificate(n.cfg.HTTPCert, n.cfg.HTTPKey, n.log); err != nil {
			return fmt.Errorf("%w: %w", err, ErrConfig)
		}
	}
	if n.cfg.HTTP == "" || n.hasSocket() && !exists(n.cfg.Dir) {
		return nil // one moves to where it is free, and the other one has no folder yet
	}
	return n.openSocket(ctx)
}

// hasSocket reports whether the API is on a socket in the data directory.
func (n *Node) hasSocket() bool {
	path, unix := strings.CutPrefix(n.cfg.HTTP, UnixScheme)
	dir, err := filepath.Abs(n.cfg.Dir)
	return unix && err == nil && strings.HasPrefix(filepath.Clean(path), dir+string(filepath.Separator))
}

// rehearse is that of a node; an introducer has less.
func (i *Introducer) rehearse(context.Context) error {
	if exists(i.cfg.Dir) {
		return nil
	}
	i.closers = append(i.closers, i.held.release)
	return i.held.take(i.cfg.Listen)
}

// A hold is sockets on addresses that somebody chose, open so that nobody else gets these.
type hold struct{ sockets []io.Closer }

// take listens on addresses, or says why one of them cannot be listened on. They are tried one by one before
// any is kept: the host can listen twice on one, for two transports or as a part of all addresses.
func (h *hold) take(addrs []string) error {
	for _, addr := range addrs {
		if err := probe(addr); err != nil {
			return fmt.Errorf("--listen: %w on %s: %w: %w", p2p.ErrListen, addr, err, ErrAddressInUse)
		}
	}
	for _, addr := range addrs {
		if socket, err := occupy(addr); err == nil {
			h.sockets = append(h.sockets, socket)
		}
	}
	return nil
}

// release gives the addresses back, for the host to listen on. Later calls do nothing.
func (h *hold) release() error {
	var errs []error
	for _, socket := range h.sockets {
		errs = append(errs, socket.Close())
	}
	h.sockets = nil
	return errors.Join(errs...)
}
