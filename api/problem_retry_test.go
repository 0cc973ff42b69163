package api

import (
	"net/http/httptest"
	"testing"
	"time"
)

// Every answer that says "not now" also says when, whoever made the problem.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		status int
		retry  time.Duration
		want   string
	}{
		{429, 0, "1"}, {503, 0, "1"}, {507, 0, "1"},
		{429, 1500 * time.Millisecond, "2"}, {503, 5 * time.Second, "5"}, {507, 30 * time.Second, "30"},
		{409, time.Second, "1"}, {400, 0, ""}, {500, 0, ""}, {504, 0, ""},
	} {
		p := problem(tt.status, "code", "")
		p.retry = tt.retry
		w := httptest.NewRecorder()
		p.write(w)
		if got := w.Header().Get("Retry-After"); got != tt.want {
			t.Errorf("%d that asks for %v: Retry-After %q, want %q", tt.status, tt.retry, got, tt.want)
		}
	}
}
