// Package chainfile reads and writes chains as JSON lines, one block a line.
//
// The first line of every chain file is the genesis block with the parameters of its network, so that
// a file says by itself what it is of. The lines after it are blocks of consecutive heights, each the
// child of the one before it. They begin with block 1 in a file of a whole chain, and later in one
// that carries a difference.
//
// # A line
//
// A line is a JSON object without white space, its members in this order, and ends with a newline.
// Hashes, keys and bytes are lower-case hex. The members down to busy_ms are those of GET /chain:
//
//	index          height
//	timestamp      Unix seconds with three decimals
//	data           the messages, see below
//	proof          nonce; null for genesis
//	previous_hash  null for genesis
//	hash           SHA-256 of header
//	message_root, history_root
//	work           decimal, as a string: it may pass 2⁵³
//	bits           eight hex digits
//	busy_ms
//	params         of genesis alone: the parameter file, byte by byte
//	header         the 152 bytes of the header
//
// A message in data:
//
//	id
//	message        the payload as a string, null where it is not UTF-8 or was erased
//	base64         the payload, only where it is not UTF-8
//	erased         true, only where the body was dropped
//	media_type     only where the envelope names one
//	author
//	time           by the author's clock, RFC 3339 in UTC with milliseconds
//	envelope       the 118 + n bytes that give id and carry author, time and media type
//	signature
//	salt           absent where the body was dropped
//
// The genesis block has one entry in data, {"id":null,"message":TEXT}. In strings only the quote, the
// backslash and characters below 0x20 are escaped, as \b \t \n \f \r or \u00xx (as in RFC 8785).
//
// # What holds
//
// A block has exactly one line. Writing is deterministic, and a line that is read is one that would be
// written: a Line refuses any other spelling, and any member that does not fit header or envelope.
// Whether the rules of the chain hold, signatures and bodies included, is for core/consensus to say.
//
// Reading and writing take memory for one block, whatever the length of the chain. Since a line ends
// with its header, a file can also be read from its end (see LastLine).
package chainfile
