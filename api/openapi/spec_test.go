package openapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestJSON holds both forms of the description to each other.
func TestJSON(t *testing.T) {
	text, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	var fromJSON, fromYAML any
	if err := json.Unmarshal(text, &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(YAML(), &fromYAML); err != nil {
		t.Fatal(err) // also where a key stands twice
	}
	again, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(again, &plain); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fromJSON, plain) {
		t.Error("the two forms differ")
	}
	if !strings.HasPrefix(string(text), `{"openapi":"3.1.1","info":{"title":"p2pchain"`) {
		t.Errorf("the order is another one: %.80s", text)
	}
}
