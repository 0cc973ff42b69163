package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"p2pchain/api"
)

var (
	// ErrUnreachable means that no answer came: nobody listens, or the connection broke.
	ErrUnreachable = errors.New("the node does not answer")
	// ErrNotFound means that the node does not have what was asked for.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized means that the node wants a token, or another one, or one that allows more.
	ErrUnauthorized = errors.New("not authorized")
	// ErrBusy means that the node cannot do this now but may later: it is at a limit, its disk is
	// full, or it is still catching up.
	ErrBusy = errors.New("busy")
	// ErrRefused means that the node will not do this however often it is asked.
	ErrRefused = errors.New("refused")
)

// An Error is a node's answer that something went wrong. errors.Is sorts it by its status.
type Error struct {
	api.Problem
	RetryAfter time.Duration // when to come again, 0 if the node did not say
}

// Error returns the node's words.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Message
	}
	if text == "" {
		text = http.StatusText(e.Status)
	}
	return fmt.Sprintf("%s (%d %s)", text, e.Status, e.Code)
}

// Is sorts the error into a kind.
func (e *Error) Is(target error) bool { return target == e.kind() }

func (e *Error) kind() error {
	switch e.Status {
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		if e.Code == "scope_too_small" {
			return ErrUnauthorized
		}
	case http.StatusConflict:
		if e.Code == "idempotency_key_in_use" || e.Code == "not_confirmed" {
			return ErrBusy
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		return ErrBusy
	}
	if e.Status/100 == 4 {
		return ErrRefused
	}
	return nil
}

// readError reads a problem; what is not one keeps at least its status.
func readError(status int, header http.Header, body io.Reader) error {
	const most = 64 << 10
	e := &Error{}
	text, err := io.ReadAll(io.LimitReader(body, most))
	if err != nil || json.Unmarshal(text, &e.Problem) != nil {
		e.Problem = api.Problem{}
	}
	e.Status = status
	if e.Code == "" {
		e.Code = "http_" + strconv.Itoa(status)
	}
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}
