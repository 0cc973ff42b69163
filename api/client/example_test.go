package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"p2pchain/api/client"
	"p2pchain/core"
)

// answers stands for a node, so that the example needs none.
func answers(w http.ResponseWriter, r *http.Request) {
	id := core.Hash{0xab}
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodPost && r.URL.Path == "/api/v1/messages" {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"id":%q,"status":"waiting"}`, id)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusNotFound)
	io.WriteString(w, `{"status":404,"code":"not_found","detail":"no such message"}`)
}

// Add a message, and tell by the kind of an error what to do about it.
func Example() {
	node := httptest.NewServer(http.HandlerFunc(answers))
	defer node.Close()
	c, err := client.New(node.URL) // as http://127.0.0.1:12345
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	ctx := context.Background()
	receipt, err := c.Add(ctx, []byte("hello"), "text/plain")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.ID.String()[:4], receipt.Status == client.StatusWaiting)

	switch _, err := c.Message(ctx, core.Hash{}); {
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, client.ErrBusy):
		fmt.Println("try again later")
	case errors.Is(err, client.ErrNotFound):
		fmt.Println("never heard of it")
	}
	// Output:
	// ab00 true
	// never heard of it
}
