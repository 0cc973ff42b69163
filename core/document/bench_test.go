package document_test

import (
	"testing"

	"p2pchain/core/document"
)

// BenchmarkDigest is what the store pays for each message that is written: nearly all are "other".
func BenchmarkDigest(b *testing.B) {
	file := &document.File{Name: "report.pdf", Size: 48213, MediaType: "application/pdf"}
	payload := file.Encode()
	for name, mediaType := range map[string]string{"other": "text/plain; charset=utf-8", "file": document.FileType} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				document.Digest(mediaType, payload)
			}
		})
	}
}
