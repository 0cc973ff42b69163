package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"p2pchain/core"
)

// FuzzParams reads cursors, filters and what negotiates the form of an answer: whatever they say, what
// is taken is in its bounds.
func FuzzParams(f *testing.F) {
	for _, text := range []string{
		"", "3-" + strings.Repeat("0a", 32), "3-" + strings.Repeat("0a", 32) + "-7", "--", "2000-01-01", "2000-01-01T00:00:00.5+01:00", "text/plain; charset=utf-8",
		"image/*", "two words", "gzip;q=0.5, *;q=0", "application/x-ndjson, */*;q=0.1", `W/"x", "y"`, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z",
	} {
		f.Add(text, text)
	}
	m := &core.Message{Envelope: core.Envelope{TimeMS: 1, MediaType: "image/png"}, Body: &core.Body{Payload: []byte("Two WORDS é")}}
	f.Fuzz(func(t *testing.T, text, other string) {
		if height, hash, rest, ok := parsePlace(text); ok {
			again := strconv.FormatUint(height, 10) + "-" + hash.String()
			if rest != "" {
				again += "-" + rest
			}
			if back, h, r, ok := parsePlace(again); !ok || back != height || h != hash || r != rest {
				t.Errorf("%q reads as %q, which does not", text, again)
			}
		}
		acceptsGzip([]string{text, other})
		if matches([]string{text}, `"tag"`) && !strings.Contains(text, `"tag"`) && !strings.Contains(text, "*") {
			t.Errorf("%q has the tag", text)
		}
		if w := quality(text); !(w >= 0 && w <= 1) {
			t.Errorf("%q weighs %v", text, w)
		}
		query := url.Values{"after": {text}, "before": {other}, "type": {text}, "text": {other}, "sha256": {text}}
		r := &http.Request{URL: &url.URL{RawQuery: query.Encode()}}
		if filter, err := filterParams(r); err == nil {
			if len(filter.words) > maxWords || len(filter.media) > core.MaxMediaType {
				t.Errorf("%q: %d words, media type %q", query, len(filter.words), filter.media)
			}
			filter.takes(m)
		}
	})
}
