package proof

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// A forgery is a file that must be refused, for this reason and no other: all the rest of it is right,
// down to the proof of work of its headers.
type forgery struct {
	name, code, part string
	make             func(t testing.TB) []byte
}

func forgeries() []forgery {
	return slices.Concat(forgedFiles(), forgedNetworks(), forgedMessages(), forgedBlocks(), forgedPlaces(), forgedSeen(), forgedNext(), forgedTips())
}

// edited changes the parts of a good proof.
func edited(change func(*Proof), options ...sceneOption) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		p := newScene(t, options...).proof()
		change(p)
		return p.Encode()
	}
}

// respelled changes the text of a good proof, in one place.
func respelled(from, to string, options ...sceneOption) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		b := string(newScene(t, options...).proof().Encode())
		if !strings.Contains(b, from) {
			t.Fatalf("the proof has no %q", from)
		}
		return []byte(strings.Replace(b, from, to, 1))
	}
}

// rewritten changes the whole text of a good proof.
func rewritten(change func([]byte) []byte, options ...sceneOption) func(testing.TB) []byte {
	return func(t testing.TB) []byte { return change(newScene(t, options...).proof().Encode()) }
}

func forgedFiles() []forgery {
	file := func(name, code string, make func(testing.TB) []byte) forgery {
		return forgery{"file-" + name, code, "file", make}
	}
	text := func(s string) func(testing.TB) []byte { return func(testing.TB) []byte { return []byte(s) } }
	around := func(before, after string) func(testing.TB) []byte {
		return rewritten(func(b []byte) []byte { return slices.Concat([]byte(before), b, []byte(after)) })
	}
	return []forgery{
		file("empty", NotAProof, text("")),
		file("other-json", NotAProof, text(`{"id":"5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"}`+"\n")),
		file("name-too-late", NotAProof, around(strings.Repeat(" ", 64), "")),
		file("version-2", OtherVersion, respelled("proof/1", "proof/2")),
		file("version-10", OtherVersion, respelled("proof/1", "proof/10")),
		file("version-none", OtherVersion, text("p2pchain-proof/")),
		file("name-only", NotCanonical, text(`{"format":"p2pchain-proof/1"`)),
		file("cut", NotCanonical, rewritten(func(b []byte) []byte { return b[:len(b)/2] })),
		file("no-newline", NotCanonical, rewritten(bytes.TrimSpace)),
		file("two-newlines", NotCanonical, around("", "\n")),
		file("carriage-return", NotCanonical, respelled("}\n", "}\r\n")),
		file("byte-order-mark", NotCanonical, around("\ufeff", "")),
		file("space-before", NotCanonical, around(" ", "")),
		file("trailing-json", NotCanonical, around("", "{}\n")),
		file("trailing-zero", NotCanonical, around("", "\x00")),
		file("indented", NotCanonical, rewritten(indented)),
		file("space-inside", NotCanonical, respelled(`"next":`, `"next": `)),
		file("space-in-network", NotCanonical, respelled(`"difficulty":`, `"difficulty": `)),
		file("keys-in-other-order", NotCanonical, respelled(`"envelope":`, `"signature":"","envelope":`)),
		file("key-twice", NotCanonical, respelled(`"tip":`, `"tip":null,"tip":`)),
		file("key-unknown", NotCanonical, respelled(`"tip":`, `"note":"","tip":`)),
		file("key-missing", NotCanonical, respelled(`"seen":`, `"sea":`)),
		file("key-in-capitals", NotCanonical, respelled(`"next":`, `"Next":`)),
		file("network-key-missing", NotCanonical, respelled(`,"stamp_bits":0`, ``)),
		file("network-key-twice", NotCanonical, respelled(`"stamp_bits":0`, `"stamp_bits":0,"stamp_bits":0`)),
		file("escape", NotCanonical, respelled(`"test"`, `"t\u0065st"`)),
		file("escaped-key", NotCanonical, respelled(`"seen"`, `"se\u0065n"`)),
		file("escaped-solidus", NotCanonical, respelled(`p2pchain test.`, `p2pchain\/test.`)),
		file("text-not-ascii", NotCanonical, respelled("simulated", "simuläted")),
		file("text-with-markup", NotCanonical, respelled("simulated", "<b>simulated")),
		file("text-with-newline", NotCanonical, respelled("simulated", "\nsimulated")),
		file("name-in-capitals", NotCanonical, respelled(`"test"`, `"Test"`)),
		file("hex-in-capitals", NotCanonical, respelled(`"header":"70326331`, `"header":"7032633A`)),
		file("hex-odd", NotCanonical, respelled(`"envelope":"`, `"envelope":"0`)),
		file("hex-not-hex", NotCanonical, respelled(`"header":"70326331`, `"header":"7032633g`)),
		file("header-short", NotCanonical, respelled(`"header":"70`, `"header":"`)),
		file("header-long", NotCanonical, respelled(`"header":"70`, `"header":"7070`)),
		file("signature-short", NotCanonical, rewritten(func(b []byte) []byte {
			at := bytes.Index(b, []byte(`"signature":"`)) + 13
			return slices.Delete(b, at, at+2)
		})),
		file("envelope-too-short", NotCanonical, rewritten(func(b []byte) []byte {
			at := bytes.Index(b, []byte(`"envelope":"`)) + 12
			return slices.Delete(b, at, at+2)
		})),
		file("envelope-too-long", NotCanonical, respelled(`"envelope":"01`, `"envelope":"01`+strings.Repeat("00", 65))),
		file("base64-without-padding", NotCanonical, respelled(`"payload":"/w=="`, `"payload":"/w"`, withText("\xff"))),
		file("base64-unused-bits", NotCanonical, respelled(`"payload":"/w=="`, `"payload":"/x=="`, withText("\xff"))),
		file("base64-unused-bits-2", NotCanonical, respelled(`"payload":"//4="`, `"payload":"//5="`, withText("\xff\xfe"))),
		file("base64-url", NotCanonical, respelled(`"payload":"//4="`, `"payload":"__4="`, withText("\xff\xfe"))),
		file("base64-newline", NotCanonical, respelled(`"payload":"//4="`, `"payload":"//`+"\n"+`4="`, withText("\xff\xfe"))),
		file("base64-padding-inside", NotCanonical, respelled(`"payload":"//4="`, `"payload":"/w==//4="`, withText("\xff\xfe"))),
		file("base64-too-much-padding", NotCanonical, respelled(`"payload":"`, `"payload":"====`, withText(""))),
		file("body-false", NotCanonical, respelled(`"body":{`, `"body":false,"was":{`)),
		file("body-key-unknown", NotCanonical, respelled(`"body":{`, `"body":{"size":28,`)),
		file("payload-null", NotCanonical, respelled(`"payload":""`, `"payload":null`, withText(""))),
		file("salt-short", NotCanonical, rewritten(func(b []byte) []byte { at := bytes.Index(b, []byte(`"salt":"`)) + 8; return slices.Delete(b, at, at+2) })),
		file("number-with-zero", NotCanonical, respelled(`"position":1`, `"position":01`)),
		file("number-with-point", NotCanonical, respelled(`"position":1`, `"position":1.0`)),
		file("number-with-exponent", NotCanonical, respelled(`"position":1`, `"position":1e0`)),
		file("number-negative", NotCanonical, respelled(`"position":1`, `"position":-1`)),
		file("number-minus-zero", NotCanonical, respelled(`"stamp_bits":0`, `"stamp_bits":-0`)),
		file("number-as-text", NotCanonical, respelled(`"position":1`, `"position":"1"`)),
		file("number-of-16-digits", NotCanonical, respelled(`"position":1`, `"position":1000000000000001`)),
		file("number-over-64-bits", NotCanonical, respelled(`"position":1`, `"position":18446744073709551617`)),
		file("number-missing", NotCanonical, respelled(`"position":1`, `"position":`)),
		file("path-null", NotCanonical, edited0(func(b string) string { return strings.Replace(b, `"path":[]`, `"path":null`, 1) }, withBlocks(at+1))),
		file("path-comma-at-end", NotCanonical, respelled(`"]},"seen"`, `",]},"seen"`)),
		file("path-of-65", NotCanonical, respelled(`"path":[`, `"path":[`+strings.Repeat(`"`+strings.Repeat("0", 64)+`",`, 65))),
		file("hash-short", NotCanonical, respelled(`"path":["`, `"path":["00","`)),
		file("tip-as-step", NotCanonical, respelled(`"tip":"`, `"tip":{"header":"`)),
		file("nested", NotCanonical, respelled(`"path":[`, `"path":`+strings.Repeat("[", 10000))),
	}
}

func edited0(change func(string) string, options ...sceneOption) func(testing.TB) []byte {
	return rewritten(func(b []byte) []byte { return []byte(change(string(b))) }, options...)
}

func indented(b []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func forgedNetworks() []forgery {
	network := func(name, from, to string, options ...sceneOption) forgery {
		return forgery{"network-" + name, BadNetwork, "network", respelled(from, to, options...)}
	}
	const a, b = "0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000001"
	return []forgery{
		network("without-name", `"name":"test"`, `"name":""`),
		network("name-too-long", `"name":"test"`, `"name":"`+strings.Repeat("a", 33)+`"`),
		network("text-too-long", `"text":"`, `"text":"`+strings.Repeat("a", 200)),
		network("genesis-after-9999", `"genesis_time_ms":946684800000`, `"genesis_time_ms":253402300800000`),
		network("pow-unknown", `"pow":"header"`, `"pow":"none"`),
		network("difficulty-0", `"difficulty":1`, `"difficulty":0`),
		network("difficulty-17", `"difficulty":1`, `"difficulty":17`),
		network("interval-99", `"block_interval_ms":200`, `"block_interval_ms":99`),
		network("interval-3600001", `"block_interval_ms":200`, `"block_interval_ms":3600001`),
		network("payload-0", `"max_payload_bytes":16384`, `"max_payload_bytes":0`),
		network("payload-61441", `"max_payload_bytes":16384`, `"max_payload_bytes":61441`),
		network("messages-0", `"max_block_messages":32768`, `"max_block_messages":0`),
		network("messages-32769", `"max_block_messages":32768`, `"max_block_messages":32769`),
		network("block-65535", `"max_block_bytes":8388608`, `"max_block_bytes":65535`),
		network("block-33554433", `"max_block_bytes":8388608`, `"max_block_bytes":33554433`),
		network("stamp-33", `"stamp_bits":0`, `"stamp_bits":33`),
		network("number-wraps-32-bits", `"difficulty":1`, `"difficulty":4294967297`),
		network("authors-descending", `"authors":[]`, `"authors":["`+b+`","`+a+`"]`),
		network("author-twice", `"authors":[]`, `"authors":["`+a+`","`+a+`"]`),
		network("classic-with-interval", `"pow":"header"`, `"pow":"classic"`),
		network("classic-with-more-messages", `"max_block_messages":1,`, `"max_block_messages":2,`, isClassic),
	}
}
