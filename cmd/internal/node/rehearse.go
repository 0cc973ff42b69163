package node

import (
	"context"
	"fmt"
	"path/filepath"

	"p2pchain/p2p"
)

// rehearse says whether the start of a new node would be refused: for an address that is taken or not this
// machine's, or for a certificate that cannot be read. So whoever corrects a flag finds no folder, key or
// store that the mistake has left. What comes between the rehearsal and the start is found there.
func (n *Node) rehearse(context.Context) error {
	if exists(filepath.Join(n.cfg.Dir, storeFolder)) {
		return nil // whether another process has the directory comes first
	}
	if err := tryListen(n.cfg.Listen); err != nil {
		return err
	}
	if n.cfg.HTTPCert != "" {
		if _, err := openCertificate(n.cfg.HTTPCert, n.cfg.HTTPKey, n.log); err != nil {
			return fmt.Errorf("%w: %w", err, ErrConfig)
		}
	}
	if n.cfg.HTTP == HTTPOff || n.cfg.HTTP == "" {
		return nil
	}
	l, _, err := listenHTTP(n.cfg.HTTP)
	if err != nil {
		return err
	}
	return l.Close()
}

// rehearse is that of a node; an introducer has less.
func (i *Introducer) rehearse(context.Context) error {
	if exists(i.cfg.Dir) {
		return nil
	}
	return tryListen(i.cfg.Listen)
}

// tryListen says whether addresses that somebody chose can be listened on.
func tryListen(addrs []string) error {
	for _, addr := range addrs {
		if err := probe(addr); err != nil {
			return fmt.Errorf("--listen: %w on %s: %w: %w", p2p.ErrListen, addr, err, ErrAddressInUse)
		}
	}
	return nil
}
