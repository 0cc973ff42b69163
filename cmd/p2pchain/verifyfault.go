package main

import (
	"errors"
	"fmt"

	"p2pchain/core/proof"
)

var (
	// errAltered means that a proof does not hold together, or not with the document that was given.
	errAltered = errors.New("does not hold")
	// errOtherDocument means that a proof holds, but is not about the document that was given.
	errOtherDocument = errors.New("is not about that document")
	// errOtherProof means that a proof holds, but for another network.
	errOtherProof = errors.New("is of another network")
	// errWeak means that a proof holds, and shows less than was asked for.
	errWeak = errors.New("is too weak")
)

// The codes of checks that are not the proof's own; those are in proof.Faults. None ever changes its
// meaning.
const (
	codeOK            = "ok"
	codeOtherNetwork  = "other_network"
	codeFileDiffers   = "file_differs"
	codeNotInManifest = "not_in_manifest"
	codeNoContent     = "no_content"
	codeOtherHeader   = "header_not_in_proof"
	codeNotOnChain    = "not_on_best_chain"
	codeLittleWork    = "too_little_work"
	codeFewBlocks     = "too_few_confirmations"
)

// A verifyError is the first check that a proof did not pass.
type verifyError struct {
	code  string
	words string
	kind  error // errAltered, errOtherDocument, errOtherProof or errWeak
}

func (e *verifyError) Error() string { return fmt.Sprintf("%s (%s)", e.words, e.code) }
func (e *verifyError) Unwrap() error { return e.kind }

// failed makes the error of a check.
func failed(kind error, code, format string, args ...any) error {
	return &verifyError{code, fmt.Sprintf(format, args...), kind}
}

// faultOf makes the error of a check of the proof's own.
func faultOf(err error) error {
	if bad, ok := errors.AsType[*proof.Fault](err); ok {
		return failed(errAltered, bad.Code, "%v", bad)
	}
	return err
}
