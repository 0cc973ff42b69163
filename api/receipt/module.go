package receipt

import (
	"fmt"
	"sync"
)

// moduleNames are what Module exports, by the file in which it is declared.
const moduleNames = `
export { Sha256, sha256, sha512, ascii, hex, unhex, join, bigEndian, littleEndian };
export { FIELD, ORDER, BASE, modulo, power, multiplyPoint, signatureHolds };
export { Fault, VERSION, STEPS, check, readFile, readNetwork, readEnvelope, checkBody, readHeader, expand, compact, workOf,
  ownWork, nextBits, alone, after, leafHash, pathRoot, same };
export { VALUES, writeRecord, readDocument, hashFile, decodeText };
`

var module = sync.OnceValues(func() ([]byte, error) {
	text := "// The source with its comments is in api/receipt/script of p2pchain.\n"
	for _, name := range []string{"hash", "ed25519", "proof", "record"} {
		b, err := files.ReadFile("script/" + name + ".js")
		if err != nil {
			return nil, fmt.Errorf("module of receipts: %w", err)
		}
		text += denseScript(lean(string(b)))
	}
	return []byte(text + lean(moduleNames)), nil
})

// Module returns the part of a receipt's script that computes, as an ES module for other pages: hashes,
// signatures, headers and proofs are read and judged by one copy of the code. The caller must not change it.
func Module() ([]byte, error) { return module() }
