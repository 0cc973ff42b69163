package exchange

import (
	"context"
	"errors"
	"fmt"
	"os"

	"p2pchain/core/consensus"
)

// The two kinds of errors of a Client; consensus.ClassOf knows their classes.
var (
	// ErrProtocol means that the peer sent what no honest node sends (broken rule).
	ErrProtocol = consensus.NewRefusal("peer broke the protocol", consensus.Broken)
	// ErrTransport means that the peer gave no answer, or not all of it: it is gone, slow, busy or
	// does not speak the protocol (cannot judge yet). Where our own context ended, the error wraps
	// that, too.
	ErrTransport = consensus.NewRefusal("no answer", consensus.Undecided)
)

// ErrStalled means that in all the time of a frame a peer gave or took next to nothing of it, which
// no slow line explains (cannot judge yet: it may be the line that broke). It wraps
// os.ErrDeadlineExceeded.
var ErrStalled = fmt.Errorf("%w: %w", consensus.NewRefusal("peer stalled", consensus.Undecided), os.ErrDeadlineExceeded)

// broken returns an ErrProtocol that says what was wrong.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrProtocol, fmt.Errorf(format, args...))
}

// classify makes sure that an error of a stream has a class. Where our own context ended, that is
// the error: the ones that follow from it only confuse.
func classify(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, ErrProtocol) {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	return fmt.Errorf("%w: %w", ErrTransport, err)
}
