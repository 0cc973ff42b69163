package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxOrder bounds the body of an order.
	maxOrder = 4 << 10
	// writePatience is how long a page may take to take a state.
	writePatience = 10 * time.Second
	// heartbeat is the longest silence of the stream of states.
	heartbeat = 15 * time.Second
)

// errBad means that an order cannot be read or asks for what there is not.
var errBad = errors.New("bad order")

// addControls adds the control API, which exists in the demo alone.
func (d *Demo) addControls(mux *http.ServeMux) {
	mux.HandleFunc("GET /demo/state", d.getState)
	mux.HandleFunc("GET /demo/events", d.getEvents)
	for path, obey := range map[string]func(*http.Request) error{
		"POST /demo/cut":                    d.orderCut,
		"POST /demo/power":                  d.orderPower,
		"POST /demo/stream":                 d.orderStream,
		"POST /demo/nodes/{number}/{order}": d.orderMember,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { d.answer(w, r, obey) })
	}
}

// answer has an order obeyed and says what came of it.
func (d *Demo) answer(w http.ResponseWriter, r *http.Request, obey func(*http.Request) error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
	err := obey(r)
	status := http.StatusNoContent
	switch {
	case err == nil:
		poke(d.watcher.poked)
		w.WriteHeader(status)
		return
	case errors.Is(err, ErrPhase):
		status = http.StatusConflict
	case errors.Is(err, ErrOrder):
		status = http.StatusNotFound
	case errors.Is(err, errBad):
		status = http.StatusBadRequest
	default:
		status = http.StatusInternalServerError
	}
	problem, err := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": err.Error()})
	if err != nil {
		d.cfg.Log.Error("a problem has no form", "err", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(problem)
}

// decode reads the body of an order, which is one value and nothing behind it.
func decode(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errBad, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is more behind its JSON", errBad)
	}
	return nil
}

// orderCut cuts the network in two, or heals it: {"cut":true}.
func (d *Demo) orderCut(r *http.Request) error {
	var o struct {
		Cut bool `json:"cut"`
	}
	if err := decode(r, &o); err != nil {
		return err
	}
	d.cut.set(o.Cut)
	return nil
}

// orderPower gives one node most of the hash rate: {"node":2}, 0 for the same to each.
func (d *Demo) orderPower(r *http.Request) error {
	var o struct {
		Node int `json:"node"`
	}
	if err := decode(r, &o); err != nil {
		return err
	}
	if o.Node < 0 || o.Node > len(d.members) {
		return fmt.Errorf("node is %d, want 0 to %d: %w", o.Node, len(d.members), errBad)
	}
	d.power.set(o.Node)
	return nil
}

// orderStream has messages added: {"per_second":5}.
func (d *Demo) orderStream(r *http.Request) error {
	var o struct {
		PerSecond int `json:"per_second"`
	}
	if err := decode(r, &o); err != nil {
		return err
	}
	if o.PerSecond < 0 || o.PerSecond > mostPerSecond {
		return fmt.Errorf("per_second is %d, want 0 to %d: %w", o.PerSecond, mostPerSecond, errBad)
	}
	d.stream.set(o.PerSecond)
	return nil
}

// orderMember stops, starts or damages a node.
func (d *Demo) orderMember(r *http.Request) error {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || number < 1 || number > len(d.members) {
		return fmt.Errorf("there is no node %q: %w", r.PathValue("number"), ErrOrder)
	}
	o := order(r.PathValue("order"))
	if o == orderRepair { // which a start of a failed node is
		return fmt.Errorf("%q: %w", o, ErrOrder)
	}
	return d.members[number-1].give(o)
}

// getState answers with the state as it is now.
func (d *Demo) getState(w http.ResponseWriter, _ *http.Request) {
	_, encoded, _ := d.board.look()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(encoded)
}

// getEvents answers with the state now and whenever it has changed. A page that is slow misses states, never
// the last one.
func (d *Demo) getEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for {
		_, encoded, next := d.board.look()
		if err := errors.Join(out.SetWriteDeadline(time.Now().Add(writePatience)), event(w, encoded), out.Flush()); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-next:
		case <-time.After(heartbeat):
		}
	}
}

// event writes a state as an event; JSON as it is encoded here has no line ends.
func event(w http.ResponseWriter, state []byte) error {
	if len(state) == 0 {
		state = []byte("null")
	}
	_, err := fmt.Fprintf(w, "event: state\ndata: %s\n\n", state)
	return err
}
