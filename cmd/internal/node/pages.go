package node

import (
	"net/http"

	"p2pchain/api/client"
	"p2pchain/api/web"
)

// pages builds the pages for people, which see the node through its own API.
func (n *Node) pages() (http.Handler, error) {
	itself := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.api.Handler().ServeHTTP(w, r) })
	source, err := client.New("localhost", client.WithTransport(web.Direct(itself)))
	if err != nil {
		return nil, err
	}
	return web.New(web.Config{Source: source, Log: n.log.With("part", "web"), Now: n.cfg.Now, SignIn: true})
}
