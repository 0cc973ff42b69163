package web

import (
	"context"
	"net/http"
)

// notarise is the page that hashes a file in the browser and puts the hash on the chain. All of that is the
// script's work: the file never comes here.
func (s *Site) notarise(context.Context, *http.Request) (view, error) {
	return view{name: "notarise", title: "notarise.title"}, nil
}
