package consensus

import (
	"runtime"
	"slices"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"p2pchain/core"
)

const (
	// minBatch is the fewest signatures for which another goroutine pays.
	minBatch = 32
	// maxBatch bounds the memory of a batch, about 1 KiB a signature; larger ones are hardly faster.
	maxBatch = 1024
)

// CheckSignature returns ErrSignature unless the signature is the author's over the 32 bytes of the
// id, by the cofactored equation [8][S]B = [8]R + [8][k]A with S < L, A and R canonically encoded
// and A not of small order. Unlike crypto/ed25519, it has the same verdict as a batch on every
// input, which nodes that check in batches of different sizes need to agree.
func CheckSignature(m *core.Message) error {
	if !verify(m.Author[:], m.ID[:], m.Signature[:]) {
		return ErrSignature
	}
	return nil
}

// CheckSignatures is CheckSignature for many messages, in batches and on all processors. The error
// is a MessageError for the first message whose signature is bad.
func CheckSignatures(msgs []*core.Message) error {
	size := batchSize(len(msgs), runtime.GOMAXPROCS(0))
	if len(msgs) <= size {
		return checkBatch(msgs, 0)
	}
	batches := slices.Collect(slices.Chunk(msgs, size))
	errs := make([]error, len(batches))
	workers := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, batch := range batches {
		workers <- struct{}{}
		wg.Go(func() {
			errs[i] = checkBatch(batch, i*size)
			<-workers
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// batchSize splits n signatures evenly over the workers, within the limits of a batch.
func batchSize(n, workers int) int {
	return min(max((n+workers-1)/workers, minBatch), maxBatch)
}

// checkBatch checks all at once; only where that fails it looks for the bad one. The single check is
// what decides: a batch can only spare it.
func checkBatch(msgs []*core.Message, first int) error {
	if len(msgs) > 1 && verifyBatch(msgs) {
		return nil
	}
	for i, m := range msgs {
		if err := CheckSignature(m); err != nil {
			return &MessageError{Index: first + i, ID: m.ID, Rule: err}
		}
	}
	return nil
}

// verify is the rule over any signed bytes, so that published test vectors can be held against it.
func verify(author, signed, signature []byte) bool {
	return ed25519.VerifyWithOptions(author, signed, signature, verifyOptions())
}

// verifyOptions spells out the library's default, which must never change under us.
func verifyOptions() *ed25519.Options {
	return &ed25519.Options{Verify: &ed25519.VerifyOptions{
		AllowSmallOrderA:   false, // such a key signs everything
		AllowSmallOrderR:   true,
		AllowNonCanonicalA: false,
		AllowNonCanonicalR: false,
		CofactorlessVerify: false, // a batch could not agree with it
	}}
}
