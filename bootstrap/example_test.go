package bootstrap_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p"

	"p2pchain/bootstrap"
)

// Two hosts on one machine: the second knows the address of the first.
func Example() {
	first, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer first.Close()
	second, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Close()

	seed, err := bootstrap.ParseSeed(fmt.Sprintf("%s/p2p/%s", first.Addrs()[0], first.ID()))
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := bootstrap.DefaultConfig("0123456789abcdef")
	cfg.MDNS = false
	cfg.Seeds = []bootstrap.Seed{seed}
	b, err := bootstrap.New(second, &bootstrap.MemoryBook{}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	go func() {
		defer cancel()
		for ctx.Err() == nil && !b.Status().Seeds[0].Connected {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println("connected:", b.Status().Seeds[0].Connected)
	}()
	if err := b.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: connected: true
}

func ExampleParseSeed() {
	_, err := bootstrap.ParseSeed("/ip4/192.0.2.7/tcp/4001")
	fmt.Println(err)
	// Output: seed "/ip4/192.0.2.7/tcp/4001": not a usable seed: no peer id: end it with /p2p/ID as the other node prints it, or give http://HOST:PORT of its API, which tells the id
}
