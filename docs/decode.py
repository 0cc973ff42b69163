#!/usr/bin/env python3
"""Decodes the message and the header of formats.md, and checks every hash in them. Python 3.8 alone is enough.

    python3 decode.py [formats.md]

Signatures take more lines: see verify.py."""

import hashlib, os, re, struct, sys


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def blocks(page, name):
    """The text of each block of an example on the page."""
    part = re.search("<!-- made: %s -->(.*?)<!-- end -->" % name, page, re.S).group(1)
    return [line for text in re.findall("```text\n(.*?)```", part, re.S) for line in text.split("\n") if line]


def message(b, genesis):
    n = b[81]
    envelope, signature, body = b[: 118 + n], b[118 + n : 182 + n], b[182 + n :]
    version, author, time_ms, seen, nonce = struct.unpack(">B32sQ32sQ", envelope[:81])
    size, commitment = struct.unpack(">I32s", envelope[82 + n :])
    assert version == 1 and n <= 64, "another version, or no envelope"
    if body:
        salt, payload = body[:16], body[16:]
        assert len(payload) == size, "the payload has another size"
        assert H(b"p2pchain/payload/1", salt, payload) == commitment, "the payload is not the one that was signed"
    return H(b"p2pchain/message/1", genesis, envelope), signature, payload if body else None


def header(b):
    assert len(b) == 152 and b[:4] == b"p2c1", "no header"
    names = "message_count height previous_hash message_root history_root work time_ms busy_ms bits nonce".split()
    return dict(zip(names, struct.unpack(">IQ32s32s32s16sQIIQ", b[4:])))


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "formats.md")
    with open(path, encoding="utf-8") as f:
        page = f.read()
    parameters, genesis_header = blocks(page, "genesis")
    first = header(bytes.fromhex(genesis_header))
    assert first["message_root"] == H(parameters.encode()), "genesis is of other parameters"
    genesis = H(bytes.fromhex(genesis_header))

    identity, signature, payload = message(bytes.fromhex(blocks(page, "message")[0]), genesis)
    print("message", identity.hex(), "says", repr(payload.decode()))

    raw = bytes.fromhex(blocks(page, "header")[0])
    h = header(raw)
    e, m = h["bits"] >> 24, h["bits"] & 0xFFFFFF
    assert int.from_bytes(H(raw), "big") <= m * 256 ** (e - 3), "no proof of work"
    assert h["previous_hash"] == genesis and h["history_root"] == H(b"\0", genesis), "not the block after genesis"
    leaf = H(b"\0", identity, signature)
    other = bytes.fromhex(re.search('leaf hash of "world" \\| `(\\w+)`', page).group(1))
    assert H(b"\1", leaf, other) == h["message_root"], "the message is not in the block"
    print("block", h["height"], H(raw).hex(), "holds it")


if __name__ == "__main__":
    main()
