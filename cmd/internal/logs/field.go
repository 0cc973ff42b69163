package logs

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxValue is how long the text of a value may be, in bytes. What strangers send must not fill the
	// log; a stack of ours may be long.
	maxValue = 2 << 10
	maxStack = 16 << 10
	stackKey = "stack"
)

// A field is a key with a value that is a text, a number or a truth: nothing that could change later.
type field struct {
	key   string
	value slog.Value
}

// appendFields resolves an attribute. Groups become prefixes, as in "peer.id".
func appendFields(to []field, prefix string, attr slog.Attr) []field {
	value := attr.Value.Resolve() // a value that panics says so
	if value.Kind() == slog.KindGroup {
		if attr.Key != "" {
			prefix += attr.Key + "."
		}
		for _, inner := range value.Group() {
			to = appendFields(to, prefix, inner)
		}
		return to
	}
	if attr.Equal(slog.Attr{}) {
		return to
	}
	limit := maxValue
	if attr.Key == stackKey {
		limit = maxStack
	}
	return append(to, field{prefix + attr.Key, plain(value, limit)})
}

// plain makes a value one of the kinds that a field has.
func plain(v slog.Value, limit int) slog.Value {
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		return v
	case slog.KindDuration: // with its unit, which a number would lack
		return slog.StringValue(v.Duration().String())
	case slog.KindTime:
		return slog.StringValue(v.Time().UTC().Format(time.RFC3339Nano))
	case slog.KindString:
		return slog.StringValue(cut(v.String(), limit))
	}
	return anyValue(v.Any(), limit)
}

// anyValue makes any value one of the kinds that a field has.
func anyValue(v any, limit int) (out slog.Value) {
	defer func() {
		if cause := recover(); cause != nil { // most often it is nil
			out = slog.StringValue(fmt.Sprintf("(%T, which panicked)", v))
		}
	}()
	switch v := v.(type) {
	case nil:
		return slog.StringValue("nil")
	case error:
		return slog.StringValue(cut(v.Error(), limit))
	case []string:
		return slog.StringValue(cut(strings.Join(v, ", "), limit))
	case []byte:
		return slog.StringValue(cut(string(v), limit))
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return slog.StringValue(cut("(text: "+err.Error()+")", limit))
		}
		return slog.StringValue(cut(string(text), limit))
	case fmt.Stringer:
		return slog.StringValue(cut(v.String(), limit))
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Bool:
		return slog.BoolValue(r.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return slog.Int64Value(r.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return slog.Uint64Value(r.Uint())
	case reflect.String:
		return slog.StringValue(cut(r.String(), limit))
	}
	text, err := json.Marshal(v)
	if err != nil {
		text = fmt.Appendf(nil, "%+v", v)
	}
	return slog.StringValue(cut(string(text), limit))
}

// cut shortens a text to a number of bytes, and says by how much.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "… (" + strconv.Itoa(len(s)-end) + " bytes more)"
}
