package proof

import "fmt"

// A FaultClass says what a fault means for whoever holds the file.
type FaultClass uint8

// The classes of faults.
const (
	// Malformed means that this is not a proof file of the version and the one spelling that are read here.
	Malformed FaultClass = iota + 1
	// Altered means that the file is in form but does not hold together.
	Altered
)

// String returns the name of the class.
func (c FaultClass) String() string {
	switch c {
	case Malformed:
		return "malformed"
	case Altered:
		return "altered"
	}
	return "unknown"
}

// A Fault is why a proof is refused.
type Fault struct {
	Code   string // snake_case, one of Faults; never changes its meaning
	Part   string // where it is: file, network, message, block, seen, next or tip
	Detail string // the values that do not fit, for people; may be empty
	Class  FaultClass
}

// Words returns what the code means, as a clause in English.
func (f *Fault) Words() string {
	for _, k := range Faults() {
		if k.Code == f.Code {
			return k.Words
		}
	}
	return f.Code
}

// Error names the part and the reason, and the values that do not fit.
func (f *Fault) Error() string {
	text := f.Part + ": " + f.Words()
	if f.Detail != "" {
		text += " (" + f.Detail + ")"
	}
	return text
}

// A FaultKind is a row of the table of faults.
type FaultKind struct {
	Code  string
	Class FaultClass
	Words string
}

// The codes of faults.
const (
	TooLarge          = "too_large"
	NotAProof         = "not_a_proof"
	OtherVersion      = "other_version"
	NotCanonical      = "not_canonical"
	BadNetwork        = "bad_network"
	BadEnvelope       = "bad_envelope"
	WrongVersion      = "wrong_version"
	PayloadTooLarge   = "payload_too_large"
	AuthorNotAllowed  = "author_not_allowed"
	StampMissing      = "stamp_missing"
	BodyMismatch      = "body_mismatch"
	BadSignature      = "bad_signature"
	WrongHeight       = "wrong_height"
	WrongMessageCount = "wrong_message_count"
	WrongNonce        = "wrong_nonce"
	WrongTime         = "wrong_time"
	WrongBusy         = "wrong_busy"
	WrongBits         = "wrong_bits"
	WrongWork         = "wrong_work"
	NoProofOfWork     = "no_proof_of_work"
	WrongPreviousHash = "wrong_previous_hash"
	WrongHistoryRoot  = "wrong_history_root"
	WrongPosition     = "wrong_position"
	MessagePathLength = "message_path_length"
	MessagePath       = "message_path"
	SeenMismatch      = "seen_mismatch"
	SeenNotEarlier    = "seen_not_earlier"
	SeenNotGenesis    = "seen_not_genesis"
	SeenPathLength    = "seen_path_length"
	SeenPath          = "seen_path"
	NextMissing       = "next_missing"
	TipMissing        = "tip_missing"
	TipNotLater       = "tip_not_later"
	NextPathLength    = "next_path_length"
	NextPath          = "next_path"
)

// Faults returns every code with its class and its words, in the order in which they are looked for.
func Faults() []FaultKind {
	return []FaultKind{
		{TooLarge, Malformed, "the file is larger than any proof"},
		{NotAProof, Malformed, "this is not a proof file"},
		{OtherVersion, Malformed, "the proof is of another version of the format"},
		{NotCanonical, Malformed, "the file is not in the one spelling that a proof has"},
		{BadNetwork, Altered, "the parameters are those of no network"},
		{BadEnvelope, Altered, "the envelope of the message is out of form"},
		{WrongVersion, Altered, "a header is of another version"},
		{PayloadTooLarge, Altered, "the payload is larger than its network allows"},
		{AuthorNotAllowed, Altered, "the author may not write on this network"},
		{StampMissing, Altered, "the message lacks the work that its network asks of every message"},
		{BodyMismatch, Altered, "the content is not the one that was signed"},
		{BadSignature, Altered, "the signature is not the author's over this message"},
		{WrongHeight, Altered, "the height is not one that this block can have"},
		{WrongMessageCount, Altered, "the block has more or fewer messages than its network allows"},
		{WrongNonce, Altered, "the nonce is larger than any valid one"},
		{WrongTime, Altered, "the time is not one that this block can have"},
		{WrongBusy, Altered, "the miner's busy time is not one that this block can have"},
		{WrongBits, Altered, "the target is not one that this block can have"},
		{WrongWork, Altered, "the total work is not one that this block can have"},
		{NoProofOfWork, Altered, "the header has no proof of work"},
		{WrongPreviousHash, Altered, "the block does not follow on the block before it"},
		{WrongHistoryRoot, Altered, "the first block commits to another history than genesis"},
		{WrongPosition, Altered, "the block has fewer messages than the position says"},
		{MessagePathLength, Altered, "the path to the message root has the wrong length"},
		{MessagePath, Altered, "the path does not lead from the message to its block"},
		{SeenMismatch, Altered, "the block before is not the one that the author signed to have seen"},
		{SeenNotEarlier, Altered, "the block that was seen is not earlier than the message's"},
		{SeenNotGenesis, Altered, "the block of height 0 is not the network's genesis"},
		{SeenPathLength, Altered, "the path to the history root of the message's block has the wrong length"},
		{SeenPath, Altered, "the block that was seen is not in the history of the message's block"},
		{NextMissing, Altered, "the proof has a last header and no next one"},
		{TipMissing, Altered, "the proof has a path to a last header that is not there"},
		{TipNotLater, Altered, "the last header is not later than the next one"},
		{NextPathLength, Altered, "the path to the history root of the last header has the wrong length"},
		{NextPath, Altered, "the next block is not in the history of the last header"},
	}
}

// fault makes the fault of a code, which must be in the table.
func fault(part, code, format string, args ...any) *Fault {
	for _, k := range Faults() {
		if k.Code == code {
			return &Fault{Code: code, Part: part, Detail: fmt.Sprintf(format, args...), Class: k.Class}
		}
	}
	panic("proof: no fault " + code)
}
