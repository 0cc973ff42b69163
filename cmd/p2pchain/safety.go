package main

import (
	"github.com/spf13/pflag"

	"p2pchain/api"
	"p2pchain/cmd/internal/node"
)

// safetyFlags say who may use a node's API, and how much.
type safetyFlags struct {
	hosts, origins *list
	auth           *choice
	cert, key      string
	tls            bool
	rate           int
	eventClients   int
}

func newSafetyFlags(def node.Config) *safetyFlags {
	auth := newChoice(string(def.Auth))
	for _, a := range api.Auths() {
		auth.words = append(auth.words, string(a))
	}
	return &safetyFlags{
		hosts:        &list{kind: "NAME", check: checkHostName},
		origins:      &list{kind: "ORIGIN", check: checkOrigin},
		auth:         auth,
		rate:         def.HTTPRate,
		eventClients: def.MaxEventClients,
	}
}

// add declares the flags.
func (f *safetyFlags) add(flags *pflag.FlagSet) {
	flags.Var(f.hosts, "http-host", "name under which the API may be called, besides localhost and IP addresses; repeatable")
	flags.Var(f.auth, "auth", "what needs a token (see p2pchain token): with token, changes that come from other machines; with always, all changes; with all, reading too; with none, nothing")
	flags.StringVar(&f.cert, "http-cert", "", "PEM `FILE` with the certificate of the API, which then speaks HTTPS; read again when it is renewed")
	flags.StringVar(&f.key, "http-key", "", "PEM `FILE` with the key of --http-cert")
	flags.BoolVar(&f.tls, "http-tls", false, "speak HTTPS with a certificate of the node's own making, which others recognise by its fingerprint (--api-cert)")
	flags.Var(f.origins, "cors-origin", "web pages of this origin may read the API, and change something with a token, like https://app.example.org; repeatable")
	flags.IntVar(&f.rate, "http-rate", f.rate, "the most `REQUESTS` a second that change something from one address of another machine; 0 is any number")
	flags.IntVar(&f.eventClients, "max-event-clients", f.eventClients, "the most `CLIENTS` that follow the events at once")
}

// fill sets what the flags say.
func (f *safetyFlags) fill(cfg *node.Config) {
	cfg.HTTPHosts, cfg.CORSOrigins, cfg.Auth = f.hosts.items, f.origins.items, api.Auth(f.auth.value)
	cfg.HTTPCert, cfg.HTTPKey, cfg.HTTPTLS = f.cert, f.key, f.tls
	cfg.HTTPRate, cfg.MaxEventClients = f.rate, f.eventClients
}
