package node

import (
	"context"
	"errors"
	"fmt"
	"net"

	"p2pchain/api"
	"p2pchain/core/store"
)

// openSocket opens the API's socket, of which nothing is served yet, unless the rehearsal did.
func (n *Node) openSocket(context.Context) error {
	if n.cfg.HTTP == HTTPOff || n.listener != nil {
		return nil
	}
	l, moved, err := listenHTTP(n.cfg.HTTP)
	if err != nil {
		return err
	}
	n.listener = l
	n.onClose(func() error { return ignoreClosed(l.Close()) })
	if moved != "" {
		n.note("%s", moved)
	}
	return nil
}

// openAPI builds the server of the API.
func (n *Node) openAPI(context.Context) error {
	if n.listener == nil {
		return nil
	}
	author, err := authorKey(n.priv)
	if err != nil {
		return err
	}
	cfg := api.DefaultConfig()
	cfg.Version, cfg.Hosts, cfg.DiskFull = n.cfg.Version, n.cfg.HTTPHosts, store.ErrDiskFull
	cfg.Damaged = store.ErrCorrupt
	cfg.Now, cfg.Log = n.cfg.Now, n.log.With("part", "api")
	if err := n.guardAPI(&cfg); err != nil {
		return err
	}
	measured, err := n.measure()
	if err != nil {
		return err
	}
	pages, err := n.pages()
	if err != nil {
		return err
	}
	n.api, err = api.New(cfg, api.Deps{
		Network: n.cfg.Network, Key: author, Chain: n.chain, Pool: n.pool, Messages: n.store, Archive: n.store, Proofs: n.store, Branches: n.chain,
		Miner: mining{n}, Host: peers{n.p2p, n.bootstrap, n.cfg.Reach}, ClockSkew: n.p2p.ClockSkew, Ready: n.ready, Invite: n.Invite,
		Live: n.Live, Metrics: measured, Profiles: n.profiles(), Pages: pages,
		Import: n.importStream, Backup: n.Backup,
		Erasures: n.store, Erase: n.forget.Erase, Forgetting: n.forgetting,
	})
	return err
}

// guardAPI says who may use the API for what.
func (n *Node) guardAPI(cfg *api.Config) error {
	cfg.Auth = n.cfg.Auth
	for _, text := range n.cfg.CORSOrigins {
		origin, err := api.ParseOrigin(text)
		if err != nil {
			return fmt.Errorf("cors-origin: %w: %w", err, ErrConfig)
		}
		cfg.Origins = append(cfg.Origins, origin)
	}
	cert, err := n.openTLS(cfg.Log)
	if err != nil {
		return err
	}
	if cert != nil {
		cfg.TLS, n.cert = cert.config(), cert.certPath
		sum, err := Fingerprint(n.cert)
		if err != nil {
			return err
		}
		n.note("the API's certificate is sha256:%s", sum)
	}
	cfg.MaxWriteRate, cfg.MaxEventClients = n.cfg.HTTPRate, n.cfg.MaxEventClients
	cfg.MaxConnections = max(cfg.MaxConnections, n.cfg.MaxEventClients+cfg.MaxConnections/2)
	if cfg.Auth == api.AuthNone {
		return nil
	}
	cfg.Tokens = newKeyring(n.cfg.Dir, cfg.Log).scope
	free := cfg.Auth.WithoutToken(isLocal(n.listener.Addr()))
	if free == api.ScopeAdmin {
		return nil
	}
	if _, err := EnsureToken(n.cfg.Dir); err != nil {
		return err
	}
	what := "writes to the API need"
	if free != api.ScopeRead {
		what = "the API needs"
	}
	n.note("%s the token in %s", what, TokenPath(n.cfg.Dir))
	if cert == nil && !isLocal(n.listener.Addr()) {
		n.note("whoever can listen on the way reads tokens and messages; --http-tls encrypts them")
	}
	return nil
}

// ignoreClosed drops the error of a listener that its server has closed already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// ready says why the node cannot take messages now.
func (n *Node) ready() error {
	if err := n.store.Failure(); err != nil {
		return fmt.Errorf("the store takes nothing any more: %w", err)
	}
	_, free, err := n.store.Disk()
	if err != nil {
		return fmt.Errorf("asking for free disk space: %w", err)
	}
	if free < n.cfg.ReserveBytes {
		return fmt.Errorf("%d MiB of disk are free, %d are needed: %w", free>>20, n.cfg.ReserveBytes>>20, store.ErrDiskFull)
	}
	return nil
}
