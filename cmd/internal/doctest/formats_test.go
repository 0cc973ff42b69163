package doctest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/cmd/internal/invite"
	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/p2p"
)

var update = flag.Bool("update", false, "write the examples of docs/formats.md anew")

const formatsPage = root + "/docs/formats.md"

// A field is a row of an example: bytes that follow those of the row before.
type field struct {
	name    string
	size    int
	value   string // what the bytes say, if that is not their hex
	meaning string
}

// rows returns the table of bytes that are cut into fields, which must be all of them.
func rows(t *testing.T, b []byte, fields []field) string {
	t.Helper()
	var out strings.Builder
	out.WriteString("| offset | bytes | field | in the example | |\n|---|---|---|---|---|\n")
	at := 0
	for _, f := range fields {
		value := "`" + hex.EncodeToString(b[at:at+f.size]) + "`"
		if f.size == 0 {
			value = ""
		}
		if f.value != "" {
			value += " = " + f.value
		}
		fmt.Fprintf(&out, "| %d | %d | %s | %s | %s |\n", at, f.size, f.name, value, f.meaning)
		at += f.size
	}
	if at != len(b) {
		t.Errorf("the fields have %d bytes of %d", at, len(b))
	}
	return out.String()
}

// listed is a block of text that lines up in the page as it is.
func listed(kind, text string) string {
	return "```" + kind + "\n" + strings.TrimSuffix(text, "\n") + "\n```\n"
}

// An example is the chain that the page shows: one block with two messages.
type example struct {
	n       *core.Network
	message *core.Message
	block   *core.Block
}

func newExample(t *testing.T) example {
	n := coretest.Network(t)
	hello, world := coretest.Message(t, n, coretest.Key(0), "hello"), coretest.Message(t, n, coretest.Key(1), "world")
	return example{n, hello, coretest.Next(t, n, coretest.Genesis(n), hello, world)}
}

// TestFormatsPage holds docs/formats.md to the code: its examples are what the code makes.
func TestFormatsPage(t *testing.T) {
	page, e := coretest.ReadPage(t, formatsPage), newExample(t)
	made := func(name, want string) {
		t.Helper()
		page.Made(name, want, *update)
	}
	made("parameters", parametersTable(t))
	made("networks", networksTable(t))
	genesis := e.n.Header.Encode()
	made("genesis", listed("text", string(e.n.Params.Encode())+"\n\n"+hex.EncodeToString(genesis[:])))
	made("message", messageExample(t, e))
	made("header", headerExample(t, e))
	made("block", blockExample(t, e))
	made("line", listed("json", string(chainfile.AppendBlock(nil, e.block))))
	for name, d := range examplesOfPayloads(e) {
		made(name, payloadExample(t, d))
	}
	made("invite", inviteExample(t, e))
	made("identity", identityExample(t))

	page.Says("A message has at most %v bytes", core.MaxMessageSize)
	page.Says("has %v + n bytes", (&core.Envelope{}).Size())
	page.Says("at most %s, the end of the year 9999", strconv.FormatInt(core.MaxTimeMS, 10))
	page.Says("more than %v s ahead of the clock", consensus.MaxFutureMS/1000)
	page.Says("at most %v of all peers together", invite.MaxAddrs)
	page.Says("how many, 1 to %v", invite.MaxPeers)
}

// parametersTable tries every limit of a network on both of its sides.
func parametersTable(t *testing.T) string {
	type limit struct {
		key    string
		lo, hi int
		set    func(*core.Params, int)
	}
	text := func(n int) string { return strings.Repeat("a", n) }
	authors := func(n int) []core.PublicKey {
		all := make([]core.PublicKey, n)
		for i := range all {
			all[i][0], all[i][1] = byte(i>>8), byte(i)
		}
		return all
	}
	limits := []limit{
		{"name", 1, 32, func(p *core.Params, n int) { p.Name = text(max(n, 0)) }},
		{"text", 0, 200, func(p *core.Params, n int) { p.Text = text(max(n, 0)) }},
		{"genesis_time_ms", 0, core.MaxTimeMS, func(p *core.Params, n int) { p.GenesisTimeMS = uint64(max(n, 0)) }},
		{"difficulty", 1, 16, func(p *core.Params, n int) { p.Difficulty = n }},
		{"block_interval_ms", 100, 3600000, func(p *core.Params, n int) { p.BlockIntervalMS = uint64(n) }},
		{"max_payload_bytes", 1, core.MaxPayload, func(p *core.Params, n int) { p.MaxPayloadBytes = n }},
		{"max_block_messages", 1, 32768, func(p *core.Params, n int) { p.MaxBlockMessages = n }},
		{"max_block_bytes", 65536, 33554432, func(p *core.Params, n int) { p.MaxBlockBytes = n }},
		{"stamp_bits", 0, 32, func(p *core.Params, n int) { p.StampBits = n }},
		{"authors", 0, 1024, func(p *core.Params, n int) { p.Authors = authors(max(n, 0)) }},
	}
	within := map[string]string{"pow": "`header` or `classic`"}
	for _, l := range limits {
		for n, want := range map[int]bool{l.lo - 1: l.lo == 0 && l.key != "difficulty" && l.key != "stamp_bits", l.lo: true, l.hi: true, l.hi + 1: false} {
			p, _ := core.Builtin("test")
			if l.set(&p, n); (p.Validate() == nil) != want {
				t.Errorf("%s = %d: %v, want valid %v", l.key, n, p.Validate(), want)
			}
		}
		within[l.key] = fmt.Sprintf("%d to %d", l.lo, l.hi)
	}
	within["name"] += " characters `a-z0-9-`"
	within["text"] += " characters"
	within["authors"] += " keys, strictly ascending"
	within["block_interval_ms"] = "0, or " + within["block_interval_ms"]
	var out strings.Builder
	out.WriteString("| key | type | limits | meaning |\n|---|---|---|---|\n")
	for _, row := range [][3]string{
		{"name", "string", ""}, {"text", "string", "what genesis says"}, {"genesis_time_ms", "number", "its time"},
		{"pow", "string", "proof of work over the whole header, or as the first system had it"},
		{"difficulty", "number", "leading zero hex digits of the easiest target"},
		{"block_interval_ms", "number", "T, the aim of the difficulty; 0: it never changes"}, {"max_payload_bytes", "number", ""},
		{"max_block_messages", "number", ""}, {"max_block_bytes", "number", ""},
		{"stamp_bits", "number", "zero bits with which every message id begins"},
		{"authors", "list of hex", "if any, only these keys may write"},
	} {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", row[0], row[1], within[row[0]], row[2])
	}
	return out.String()
}

func networksTable(t *testing.T) string {
	var out strings.Builder
	out.WriteString("| network | network id | genesis hash | params_hash |\n|---|---|---|---|\n")
	for _, name := range core.BuiltinNames() {
		n := coretest.Builtin(t, name)
		sum := sha256.Sum256(n.Params.Encode())
		if core.Hash(sum) != n.Params.Hash() || n.ID() != n.Genesis.String()[:16] {
			t.Errorf("%s: params_hash or network id is not what the page says", name)
		}
		fmt.Fprintf(&out, "| `%s` | `%s` | `%v` | `%v` |\n", name, n.ID(), n.Genesis, n.Params.Hash())
	}
	return out.String()
}

func messageExample(t *testing.T, e example) string {
	m := e.message
	b := m.Bytes()
	envelope := b[:m.Envelope.Size()]
	commitment := sha256.Sum256([]byte("p2pchain/payload/1" + string(m.Body.Salt[:]) + string(m.Body.Payload)))
	id := sha256.Sum256([]byte("p2pchain/message/1" + string(e.n.Genesis[:]) + string(envelope)))
	leaf := sha256.Sum256([]byte("\x00" + string(m.ID[:]) + string(m.Signature[:])))
	l := m.Leaf()
	if core.Hash(commitment) != m.Commitment || core.Hash(id) != m.ID || core.Hash(leaf) != l.Hash() {
		t.Error("a hash of the message is not what the page says it is")
	}
	return rows(t, b, []field{
		{"version", 1, "1", "the only one"},
		{"author", 32, "", "Ed25519 public key"},
		{"time_ms", 8, fmt.Sprint(m.TimeMS), ""},
		{"seen_hash", 32, "", "hash of a block; here genesis"},
		{"nonce", 8, "", ""},
		{"size of media type", 1, "0", fmt.Sprintf("n, at most %d", core.MaxMediaType)},
		{"media type", len(m.MediaType), "", fmt.Sprintf("bytes 0x20 to 0x7e; none: `%s`", core.DefaultMediaType)},
		{"payload_size", 4, fmt.Sprint(m.PayloadSize), fmt.Sprintf("at most max_payload_bytes, on any network %s", coretest.Number(core.MaxPayload))},
		{"payload_commitment", 32, "", "here the envelope ends"},
		{"signature", 64, "", "over the id"},
		{"salt", core.SaltSize, "", "random"},
		{"payload", len(m.Body.Payload), fmt.Sprintf("`%s`", m.Body.Payload), ""},
	}) + fmt.Sprintf("\nIts id is `%v`, its leaf hash `%v`. All of it:\n\n", m.ID, l.Hash()) + listed("text", hex.EncodeToString(b))
}

func headerExample(t *testing.T, e example) string {
	h := &e.block.Header
	b := h.Encode()
	if h.Hash() != core.Hash(sha256.Sum256(b[:])) {
		t.Error("the block hash is not what the page says it is")
	}
	return rows(t, b[:], []field{
		{"version", 4, "\"p2c1\"", "the only one"},
		{"message_count", 4, fmt.Sprint(h.MessageCount), "at most max_block_messages"},
		{"height", 8, fmt.Sprint(h.Height), "genesis has 0"},
		{"previous_hash", 32, "", "the block before"},
		{"message_root", 32, "", "tree over the leaves of the messages"},
		{"history_root", 32, "", "tree over the hashes of all blocks before"},
		{"work", 16, h.Work.String(), "of the whole chain, with this block; in hashes"},
		{"time_ms", 8, fmt.Sprint(h.TimeMS), "by the miner's clock"},
		{"busy_ms", 4, fmt.Sprint(h.BusyMS), "how long the miner had something to seal"},
		{"bits", 4, "", "target, compact"},
		{"nonce", 8, fmt.Sprint(h.Nonce), "below 2⁵³"},
	}) + fmt.Sprintf("\nIts hash is `%v`. All of it:\n\n", h.Hash()) + listed("text", hex.EncodeToString(b[:]))
}

func blockExample(t *testing.T, e example) string {
	leaves := e.block.Leaves()
	first, second := leaves[0].Hash(), leaves[1].Hash()
	root := sha256.Sum256([]byte("\x01" + string(first[:]) + string(second[:])))
	history := sha256.Sum256([]byte("\x00" + string(e.n.Genesis[:])))
	if core.Hash(root) != e.block.Header.MessageRoot || core.Hash(history) != e.block.Header.HistoryRoot {
		t.Error("the roots are not what the page says they are")
	}
	size := core.HeaderSize
	for _, m := range e.block.Messages {
		size += m.Envelope.Size() + 64 + 16 + int(m.PayloadSize)
	}
	if size != e.block.Size() {
		t.Errorf("the size is %d, not %d as the page says", e.block.Size(), size)
	}
	return fmt.Sprintf(`| of the block with "hello" and "world" | is |
|---|---|
| leaf hash of "hello" | %s |
| leaf hash of "world" | %s |
| message_root = %s | %s |
| history_root = %s | %s |
| size | %d = 152 + 2 · (118 + 64 + 16 + 5) |
`, quoted(first), quoted(second), "`H(0x01 ‖ first ‖ second)`", quoted(root), "`H(0x00 ‖ genesis hash)`", quoted(history), size)
}

func quoted(h [32]byte) string { return "`" + hex.EncodeToString(h[:]) + "`" }

// examplesOfPayloads are the five kinds of payloads, by their names on the page.
func examplesOfPayloads(e example) map[string]document.Document {
	content := core.Hash(sha256.Sum256([]byte("I owe you one.")))
	list := core.Hash(sha256.Sum256([]byte(content.String() + "  note.txt\n")))
	return map[string]document.Document{
		"file":     &document.File{Name: "note.txt", Size: 14, MediaType: "text/plain", SHA256: content},
		"manifest": &document.Manifest{Name: "debts", Files: 1, Size: 14, SHA256: list},
		"commit": &document.Commit{Repository: "ledger", Commit: strings.Repeat("12", 20), Tree: strings.Repeat("34", 20),
			Files: 1, Size: 14, SHA256: list},
		"anchor": &document.Anchor{Log: "app.log", Sequence: 1, Began: document.BeganFirst, Length: 14, Partial: 14,
			SHA256: content, Segment: content, TimeMS: e.n.Params.GenesisTimeMS},
		"erase": &document.Erase{Target: e.message.ID},
	}
}

func payloadExample(t *testing.T, d document.Document) string {
	t.Helper()
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	payload := d.Encode()
	if d.Type() == document.EraseType {
		return listed("text", hex.EncodeToString(payload))
	}
	return listed("json", string(payload))
}

// inviteExample takes an invite apart by hand.
func inviteExample(t *testing.T, e example) string {
	key := coretest.Author(0)
	i := invite.Invite{Network: e.n, Addrs: []string{"/ip4/192.0.2.7/tcp/22345/p2p/" + identity(t)}}
	text, err := i.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.TrimPrefix(text, "p2pchain1")))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("p2pchain/invite/1" + string(b[:len(b)-4])))
	if !bytes.Equal(sum[:4], b[len(b)-4:]) || !bytes.Equal(b[10:42], key[:]) {
		t.Error("an invite is not what the page says it is")
	}
	addr := int(b[43])
	return listed("text", text) + "\n" + rows(t, b, []field{
		{"network", 1, "`test`", ""}, {"genesis", 8, "", "the network id"}, {"peers", 1, "1", ""}, {"key", 32, "", ""},
		{"addresses", 1, "1", ""}, {"size of the address", 1, fmt.Sprint(addr), ""},
		{"address", addr, "`/ip4/192.0.2.7/tcp/22345`", "0x04 and 4 bytes, 0x06 and 2 bytes"}, {"checksum", 4, "", ""},
	})
}

// identity writes a key file as the page says it is, has it read, and returns the peer id.
func identity(t *testing.T) string {
	t.Helper()
	der, err := hex.DecodeString("302e020100300506032b657004220420")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "identity.key")
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: append(der, coretest.Key(0).Seed()...)})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := p2p.LoadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

func identityExample(t *testing.T) string {
	der, err := x509.MarshalPKCS8PrivateKey(coretest.Key(0))
	if err != nil {
		t.Fatal(err)
	}
	public := coretest.Key(0).Public().(ed25519.PublicKey)
	return "The author of \"hello\":\n\n" + rows(t, der, []field{
		{"what it is", 16, "", "a PKCS #8 key of Ed25519"}, {"seed", 32, "", "`H(\"p2pchain/coretest/key/0\")`, known to all who read this"},
	}) + fmt.Sprintf("\nIts public key is `%x`, its peer id `%s`.\n", public, identity(t))
}

// TestDecode runs docs/decode.py, which checks the page with another language.
func TestDecode(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("docs/decode.py is NOT run: there is no python3 here")
	}
	run := func(page string) (string, error) {
		out, err := exec.CommandContext(t.Context(), python, "-IB", root+"/docs/decode.py", page).CombinedOutput()
		return string(out), err
	}
	out, err := run(formatsPage)
	if err != nil || !strings.Contains(out, "'hello'") || !strings.Contains(out, newExample(t).block.Header.Hash().String()) {
		t.Errorf("decode.py: %v\n%s", err, out)
	}
	// One digit of the message's signature is another: its leaf does not give the root any more.
	m := newExample(t).message
	wrong := strings.Replace(readPage(t, "docs/formats.md"), "\n"+hex.EncodeToString(m.Bytes()[:2]), "\n0000", 1)
	path := filepath.Join(t.TempDir(), "formats.md")
	if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(path); err == nil {
		t.Errorf("decode.py takes a message that was changed:\n%s", out)
	}
}
