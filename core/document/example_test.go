package document_test

import (
	"crypto/sha256"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/document"
)

// A file is notarised by a payload that names its hash; its content stays with its owner.
func Example() {
	content := []byte("I owe you one.")
	file := &document.File{Name: "note.txt", Size: uint64(len(content)), MediaType: "text/plain", SHA256: core.Hash(sha256.Sum256(content))}
	if err := file.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	payload := file.Encode()

	back, err := document.Decode(file.Type(), payload)
	fmt.Println(back, err == nil)
	// There is one spelling only.
	_, err = document.Decode(file.Type(), append(payload, '\n'))
	fmt.Println(err)
	// Output:
	// file "note.txt", 14 bytes, text/plain, SHA-256 cf8430be3a8c713752e3de725a1a82b272f93342e6b8493474454392ab0a661b true
	// 1 bytes follow the object: malformed document
}
