#!/usr/bin/env python3
"""Checks a p2pchain proof file, version 1, with nothing but Python's standard library.

    verify.py FILE [--file DOCUMENT] [--header HASH]

Written from proof-format.md alone, step by step and in its order: a second opinion on `p2pchain verify`, short rather than
fast, so that it can be read before it is believed. --file compares a document, or a manifest, with the SHA-256 that the
message holds; --header the proof with the hash of a block that you have from a source which you trust. Exit codes are
those of `p2pchain verify`: 0 holds, 2 unreadable, 19 does not hold or is not about the document, 21 cannot be compared.
"""
import argparse, base64, functools, hashlib, json, re, struct, sys, time
from collections import namedtuple
MAX_TIME, MAX_FILE = 253402300799999, 262144
class Fault(Exception): """A reason to refuse a file; the text is its code on the page."""

def need(condition, code):
    if not condition:
        raise Fault(code)
def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()
number = functools.partial(int.from_bytes, byteorder="big")

# --- 1. The file -----------------------------------------------------------------------------------
HASH, HEADER, NUM = '"[0-9a-f]{64}"', '"[0-9a-f]{304}"', "(?:0|[1-9][0-9]{0,14})"
PATH = rf"\[(?:{HASH}(?:,{HASH}){{0,63}})?\]"
STEP = rf'(?:null|\{{"header":{HEADER},"path":{PATH}\}})'
BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
NETWORK = (r'\{"name":"[a-z0-9-]*","text":"[ !#-%\'-;=?-\[\]-~]*","genesis_time_ms":N,"pow":"[a-z]*","difficulty":N,'
           r'"block_interval_ms":N,"max_payload_bytes":N,"max_block_messages":N,"max_block_bytes":N,"stamp_bits":N,'
           r'"authors":\[(?:H(?:,H)*)?\]\}').replace("N", NUM).replace("H", HASH)
FILE = (rf'\{{"format":"p2pchain-proof/1","network":({NETWORK}),'
        rf'"message":\{{"envelope":"(?:[0-9a-f]{{2}}){{118,182}}","signature":"[0-9a-f]{{128}}",'
        rf'"body":(?:null|\{{"salt":"[0-9a-f]{{32}}","payload":"{BASE64}"\}})\}},'
        rf'"block":\{{"header":{HEADER},"position":{NUM},"path":{PATH}\}},'
        rf'"seen":{STEP},"next":{STEP},"tip":(?:null|{HEADER})\}}\n')

def read(data):
    need(len(data) <= MAX_FILE, "too_large")
    at = data[:64].find(b"p2pchain-proof/")
    need(at >= 0, "not_a_proof")
    need(data[at + 15:at + 17] == b'1"', "other_version")
    match = re.fullmatch(FILE.encode(), data)
    need(match, "not_canonical")
    return json.loads(data), match.group(1)

# --- 2. The network --------------------------------------------------------------------------------
class Network:
    def __init__(self, p, encoded):
        need(1 <= len(p["name"]) <= 32 and len(p["text"]) <= 200 and p["genesis_time_ms"] <= MAX_TIME
             and p["pow"] in ("header", "classic") and 1 <= p["difficulty"] <= 16
             and (p["block_interval_ms"] == 0 or 100 <= p["block_interval_ms"] <= 3600000)
             and 1 <= p["max_payload_bytes"] <= 61440 and 1 <= p["max_block_messages"] <= 32768
             and 65536 <= p["max_block_bytes"] <= 33554432 and p["stamp_bits"] <= 32
             and len(p["authors"]) <= 1024 and all(a < b for a, b in zip(p["authors"], p["authors"][1:]))
             and (p["pow"] == "header" or (p["block_interval_ms"], p["max_block_messages"]) == (0, 1)), "bad_network")
        self.p, self.t, self.classic = p, p["block_interval_ms"], p["pow"] == "classic"
        bits = compact(2 ** (256 - 4 * p["difficulty"]) - 1)
        self.floor = expand(bits)
        self.genesis = read_header(struct.pack(FORMAT, b"p2c1", 0, 0, bytes(32), sha256(encoded), sha256(), bytes(16),
                                               p["genesis_time_ms"], self.t, bits, 0))

# --- 3. The message --------------------------------------------------------------------------------
Envelope = namedtuple("Envelope", "author time_ms seen_hash media_type size commitment")
def read_envelope(b):
    n = b[81]
    need(b[0] == 1 and n <= 64 and len(b) == 118 + n, "bad_envelope")
    e = Envelope(b[1:33], number(b[33:41]), b[41:73], b[82:82 + n], number(b[82 + n:86 + n]), b[86 + n:])
    need(e.time_ms <= MAX_TIME and e.size <= 61440 and all(0x20 <= c <= 0x7e for c in e.media_type), "bad_envelope")
    return e

P, L = 2 ** 255 - 19, 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
def add(a, b):
    """The sum of two points (x : y : z) of −x² + y² = 1 + d·x²·y²; x and y stand for x/z and y/z."""
    z, xx, yy, xy = a[2] * b[2], a[0] * b[0], a[1] * b[1], a[0] * b[1] + b[0] * a[1]
    t = D * xx * yy % P
    minus, plus = (z * z - t) % P, (z * z + t) % P
    return z * xy * minus % P, z * (yy + xx) * plus % P, minus * plus % P
def times(k, a):
    out = (0, 1, 1)
    for bit in bin(k)[2:]:
        out = add(add(out, out), a) if bit == "1" else add(out, out)
    return *(c * pow(out[2], -1, P) % P for c in out[:2]), 1
def decode(b):
    """The point of 32 bytes in the one canonical encoding, or None."""
    y = int.from_bytes(b, "little")
    sign, y = y >> 255, y % 2 ** 255
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if x * x % P == xx else x * pow(2, (P - 1) // 4, P) % P
    good = y < P and x * x % P == xx and (x or not sign)
    return (x if x % 2 == sign else P - x, y, 1) if good else None
BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))

def signed(author, message, signature):
    """[8][S]B = [8](R + [k]A) with S < L, A and R canonical and A not of small order."""
    a, r, s = decode(author), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if s >= L or not a or not r or times(8, a) == (0, 1, 1):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + author + message).digest(), "little") % L
    return times(8, times(s, BASE)) == times(8, add(r, times(k, a)))

# --- 4. Headers ------------------------------------------------------------------------------------
FORMAT = ">4sIQ32s32s32s16sQIIQ"
Header = namedtuple("Header", "version count height previous message_root history_root work time busy bits nonce bytes hash")
def read_header(b):
    h = Header(*struct.unpack(FORMAT, b), b, sha256(b))
    return h._replace(work=number(h.work))

def expand(bits):
    e, m = bits >> 24, bits & 0xffffff
    return m << 8 * (e - 3) if e >= 3 else m >> 8 * (3 - e)
def compact(t):
    e = (t.bit_length() + 7) // 8
    m = t >> 8 * (e - 3) if e >= 3 else t << 8 * (3 - e)
    return e + 1 << 24 | m >> 8 if m >= 0x800000 else e << 24 | m
def own(x):
    return 2 ** 256 // (expand(x.bits) + 1)
def next_bits(n, p):
    return compact(min(n.floor, expand(p.bits) * (59 * n.t + p.busy) // (60 * n.t))) if n.t else p.bits

def alone(n, x):
    need(x.height > 0, "wrong_height")
    need(x.count <= n.p["max_block_messages"] and (x.count == 1 or not n.classic), "wrong_message_count")
    need(x.nonce < 2 ** 53, "wrong_nonce")
    need(x.time <= MAX_TIME, "wrong_time")
    need(1 <= x.busy <= 4 * n.t if n.t else x.busy == 0, "wrong_busy")
    target = expand(x.bits)
    need(0 < target <= n.floor and compact(target) == x.bits and (n.t or x.bits == n.genesis.bits), "wrong_bits")
    need(own(x) < 2 ** 128, "wrong_work")
    need(n.classic or number(x.hash) <= target, "no_proof_of_work")

def after(n, p, x):
    d = x.height - p.height
    need(d > 1 or x.previous == p.hash, "wrong_previous_hash")
    need(x.time >= p.time + d, "wrong_time")
    need(x.busy <= x.time - p.time - (d - 1), "wrong_busy")
    need(d > 1 or x.bits == next_bits(n, p), "wrong_bits")
    least = p.work + (d - 1) * (2 ** 256 // (n.floor + 1)) + own(x)
    need(x.work == least if d == 1 or n.t == 0 else x.work >= least, "wrong_work")
    if n.classic and d == 1:
        proof = sha256(str(p.nonce if p.height else None).encode(), str(x.nonce).encode())
        need(proof.hex().endswith("0" * n.p["difficulty"]), "no_proof_of_work")
    if p.height == 0 and d == 1:
        need(x.history_root == sha256(b"\0", n.genesis.hash), "wrong_history_root")

def check_path(i, n, leaf, path, root, code):
    h, last = sha256(b"\0", leaf), n - 1
    for p in map(bytes.fromhex, path):
        need(last > 0, code + "_length")
        if i % 2 or i == last:
            h = sha256(b"\1", p, h)
            while i % 2 == 0 and i:
                i, last = i // 2, last // 2
        else:
            h = sha256(b"\1", h, p)
        i, last = i // 2, last // 2
    need(last == 0, code + "_length")
    need(h == root, code)

# --- 5. The steps ----------------------------------------------------------------------------------
Proof = namedtuple("Proof", "network id envelope payload position block seen next tip")

def verify(data):
    """Returns what a file without a fault says, or raises its first Fault."""
    f, encoded = read(data)
    n, m, position = Network(f["network"], encoded), f["message"], f["block"]["position"]
    e, signature, payload = bytes.fromhex(m["envelope"]), bytes.fromhex(m["signature"]), None
    id, env = sha256(b"p2pchain/message/1", n.genesis.hash, e), read_envelope(e)
    block, seen, next, tip = (x and read_header(bytes.fromhex(x if isinstance(x, str) else x["header"]))
                              for x in (f["block"], f["seen"], f["next"], f["tip"]))
    need(all(x is None or x.version == b"p2c1" for x in (block, seen, next, tip)), "wrong_version")
    need(env.size <= n.p["max_payload_bytes"], "payload_too_large")
    need(not n.p["authors"] or env.author.hex() in n.p["authors"], "author_not_allowed")
    need(number(id) >> 256 - n.p["stamp_bits"] == 0, "stamp_missing")
    if m["body"]:
        payload, salt = base64.b64decode(m["body"]["payload"]), bytes.fromhex(m["body"]["salt"])
        need(len(payload) == env.size and sha256(b"p2pchain/payload/1", salt, payload) == env.commitment, "body_mismatch")
    need(signed(env.author, id, signature), "bad_signature")
    alone(n, block)
    after(n, n.genesis, block)
    need(position < block.count, "wrong_position")
    check_path(position, block.count, id + signature, f["block"]["path"], block.message_root, "message_path")
    if seen:
        need(seen.hash == env.seen_hash, "seen_mismatch")
        need(seen.height < block.height, "seen_not_earlier")
        need(seen.height or seen.bytes == n.genesis.bytes, "seen_not_genesis")
        if seen.height:
            alone(n, seen)
            after(n, n.genesis, seen)
        after(n, seen, block)
        check_path(seen.height, block.height, seen.hash, f["seen"]["path"], block.history_root, "seen_path")
    need(next or not tip, "next_missing")
    if next:
        need(next.height == block.height + 1, "wrong_height")
        need(next.previous == block.hash, "wrong_previous_hash")
        alone(n, next)
        after(n, block, next)
        need(tip or not f["next"]["path"], "tip_missing")
    if tip:
        need(tip.height > next.height, "tip_not_later")
        alone(n, tip)
        after(n, next, tip)
        check_path(next.height, tip.height, next.hash, f["next"]["path"], tip.history_root, "next_path")
    return Proof(n, id, env, payload, position, block, seen, next, tip)

# --- What it proves --------------------------------------------------------------------------------
def is_about(p, document):
    """Whether a document, or a manifest, is the one that the message records, or else is its payload."""
    kind = re.fullmatch(rb"application/vnd\.p2pchain\.(file|manifest|commit)\+json", p.envelope.media_type)
    text, hash = r'"(?:[^"\\]|\\["\\])*"', sha256(document).hex()
    file = rf'\{{"name":{text},"size":{len(document)},"media_type":{text},"sha256":"{hash}"\}}'
    manifest = rf'\{{(?:"[a-z]+":(?:{text}|[0-9]+),)+"manifest_sha256":"{hash}"\}}'
    return re.fullmatch((file if kind[1] == b"file" else manifest).encode(), p.payload) if kind else p.payload == document

BUILT_IN = {"main": "7b6f566577714fcfc5d21eeb01258a1b23524bb1b9a6ee91362297eb40682649",
            "test": "1bb0f2edaf68b6bfa275f1cbba199d0d48e1779f4f9f8c1cf523832aa731c1db",
            "classic": "16763722948a960e1055c5b40f6a325d5c8ec3115e1ae87b838e79ecc35c7d6f"}
def words(p, anchor):
    at = lambda h: f"block {h.height} {h.hash.hex()}, {time.strftime('%F %T', time.gmtime(h.time / 1000))} UTC by its miner's clock"
    top, shown = p.tip or p.next or p.block, 0 if p.network.classic else sum(own(h) for h in (p.next, p.tip) if h)
    sure = [(h.height - p.block.height, h.work - p.block.work) for h in (p.block, p.next, p.tip) if h and h.hash == anchor]
    name, genesis, account = p.network.p["name"], p.network.genesis.hash.hex(), "" if sure else "by its own account "
    yield ("holds; the given header vouches for its block, and for %d blocks and work of %d on top" % sure[0] if sure else
           "holds together; no header was given: but for the signature, all of this can be made up for the work of its own headers")
    yield f"network {name} {genesis}" + (", NOT the built-in one of that name" if BUILT_IN.get(name, genesis) != genesis else "")
    yield f"message {p.id.hex()} by {p.envelope.author.hex()}, {account}number {p.position + 1} of {p.block.count} in {at(p.block)}"
    yield f"written {account}after " + (at(p.seen) if p.seen else "nothing that is proven")
    yield f"written {account}before " + (at(p.next) if p.next and anchor != p.block.hash else "nothing but its own block")
    yield f"shown work: {shown} hashes; claimed: {top.height - p.block.height} blocks, work of {top.work - p.block.work} on top"

def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, form, kind in (("proof", "FILE", str), ("--file", "DOCUMENT", str), ("--header", "HASH", bytes.fromhex)):
        args.add_argument(name, metavar=form, type=kind)
    args = args.parse_args()
    try:
        proof, document = verify(open(args.proof, "rb").read(MAX_FILE + 1)), args.file and open(args.file, "rb").read()
        need(not args.file or proof.payload is None or is_about(proof, document), "it is not about this document")
    except OSError as err:
        return print(err, file=sys.stderr) or 2
    except Fault as fault:
        return print("does not hold:", fault) or 19
    if args.file and proof.payload is None:
        return print("holds, but its content was left out, so there is nothing to compare the document with") or 21
    if args.header and args.header not in [h.hash for h in (proof.block, proof.next, proof.tip) if h]:
        return print("holds, but the given header is none of its block, next and last one") or 21
    return print(*words(proof, args.header), sep="\n")
if __name__ == "__main__":
    sys.exit(main())
