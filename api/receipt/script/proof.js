// What docs/proof-format.md says, section by section; `check` is all that others need of it.

// A Fault is a reason to refuse a proof; its code never changes its meaning.
class Fault extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

function must(holds, code) {
  if (!holds) throw new Fault(code);
}

// Section 1: the file has exactly one spelling.
const MAX_FILE = 262144, MAX_TIME = 253402300799999n;
const PROOF_FILE = (() => {
  const hash = '"[0-9a-f]{64}"', header = '"[0-9a-f]{304}"', num = '(?:0|[1-9][0-9]{0,14})';
  const base64 = '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?';
  const network = `\\{"name":"[a-z0-9-]*","text":"[ !#-%'-;=?-\\[\\]-~]*","genesis_time_ms":${num},"pow":"[a-z]*",` +
    `"difficulty":${num},"block_interval_ms":${num},"max_payload_bytes":${num},"max_block_messages":${num},` +
    `"max_block_bytes":${num},"stamp_bits":${num},"authors":\\[(?:${hash}(?:,${hash})*)?\\]\\}`;
  const body = `\\{"salt":"[0-9a-f]{32}","payload":"${base64}"\\}`, path = `\\[(?:${hash}(?:,${hash}){0,63})?\\]`;
  const message = `\\{"envelope":"(?:[0-9a-f]{2}){118,182}","signature":"[0-9a-f]{128}","body":(?:null|${body})\\}`;
  const step = `(?:null|\\{"header":${header},"path":${path}\\})`;
  return new RegExp(`^\\{"format":"p2pchain-proof/1","network":(${network}),"message":${message},` +
    `"block":\\{"header":${header},"position":${num},"path":${path}\\},"seen":${step},"next":${step},"tip":(?:null|${header})\\}\\n$`);
})();

function readFile(bytes) {
  must(bytes.length <= MAX_FILE, 'too_large');
  const text = Array.from(bytes, (b) => String.fromCharCode(b)).join('');
  const at = text.slice(0, 64).indexOf('p2pchain-proof/');
  must(at >= 0, 'not_a_proof');
  must(text.slice(at + 15, at + 17) === '1"', 'other_version');
  const match = PROOF_FILE.exec(text);
  must(match, 'not_canonical');
  const file = JSON.parse(text);
  return { text, networkText: match[1], file };
}

// Section 2: the network, and its genesis block.
function readNetwork(text, p) {
  const within = (n, low, high) => must(n >= low && n <= high, 'bad_network');
  within(p.name.length, 1, 32);
  within(p.text.length, 0, 200);
  within(p.genesis_time_ms, 0, Number(MAX_TIME));
  must(p.pow === 'header' || p.pow === 'classic', 'bad_network');
  within(p.difficulty, 1, 16);
  if (p.block_interval_ms !== 0) within(p.block_interval_ms, 100, 3600000);
  within(p.max_payload_bytes, 1, 61440);
  within(p.max_block_messages, 1, 32768);
  within(p.max_block_bytes, 65536, 33554432);
  within(p.stamp_bits, 0, 32);
  within(p.authors.length, 0, 1024);
  must(p.authors.every((a, i) => i === 0 || p.authors[i - 1] < a), 'bad_network');
  must(p.pow !== 'classic' || (p.block_interval_ms === 0 && p.max_block_messages === 1), 'bad_network');
  const genesis = new Uint8Array(152), view = new DataView(genesis.buffer);
  view.setUint32(0, VERSION);
  genesis.set(sha256(text), 48);
  genesis.set(sha256(''), 80);
  view.setBigUint64(128, BigInt(p.genesis_time_ms));
  view.setUint32(136, p.block_interval_ms);
  view.setUint32(140, compact(2n ** BigInt(256 - 4 * p.difficulty) - 1n));
  const header = readHeader(genesis);
  return { ...p, interval: BigInt(p.block_interval_ms), genesis: header, hash: header.hash, floor: expand(header.bits) };
}

// Section 3: the message.
function readEnvelope(bytes) {
  const view = new DataView(bytes.buffer), n = bytes[81];
  must(bytes[0] === 1 && n <= 64 && bytes.length === 118 + n, 'bad_envelope');
  const type = bytes.subarray(82, 82 + n);
  const envelope = {
    author: bytes.subarray(1, 33), time: view.getBigUint64(33), seen: bytes.subarray(41, 73),
    mediaType: String.fromCharCode(...type) || 'text/plain; charset=utf-8',
    size: view.getUint32(82 + n), commitment: bytes.subarray(86 + n),
  };
  must(type.every((b) => b >= 0x20 && b <= 0x7e), 'bad_envelope');
  must(envelope.time <= MAX_TIME && envelope.size <= 61440, 'bad_envelope');
  return envelope;
}

function checkBody(envelope, salt, payload) {
  must(payload.length === envelope.size, 'body_mismatch');
  must(same(sha256('p2pchain/payload/1', salt, payload), envelope.commitment), 'body_mismatch');
}

// Section 4: headers.
const VERSION = 0x70326331;

function readHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    bytes, hash: sha256(bytes), version: view.getUint32(0), count: view.getUint32(4), height: view.getBigUint64(8),
    previous: bytes.subarray(16, 48), messageRoot: bytes.subarray(48, 80), historyRoot: bytes.subarray(80, 112),
    work: bigEndian(bytes.subarray(112, 128)), time: view.getBigUint64(128), busy: BigInt(view.getUint32(136)),
    bits: view.getUint32(140), nonce: view.getBigUint64(144),
  };
}

function expand(bits) {
  const e = bits >>> 24, m = BigInt(bits & 0xffffff);
  return e < 3 ? m >> BigInt(8 * (3 - e)) : m << BigInt(8 * (e - 3));
}

function compact(target) {
  let e = target === 0n ? 0 : Math.ceil(target.toString(16).length / 2);
  let m = Number(e < 3 ? target << BigInt(8 * (3 - e)) : target >> BigInt(8 * (e - 3)));
  if (m >= 0x800000) {
    m >>= 8;
    e++;
  }
  return e * 0x1000000 + m;
}

function inForm(bits) {
  const target = expand(bits);
  return target >= 1n && target < 2n ** 256n && compact(target) === bits;
}

// workOf is the number of hashes that a target costs on average.
function workOf(target) { return 2n ** 256n / (target + 1n); }
function ownWork(header) { return workOf(expand(header.bits)); }

function nextBits(net, parent) {
  if (net.interval === 0n) return parent.bits;
  const target = expand(parent.bits) * (59n * net.interval + parent.busy) / (60n * net.interval);
  return compact(target < net.floor ? target : net.floor);
}

// alone judges a header that is not genesis by itself.
function alone(net, x) {
  must(x.height !== 0n, 'wrong_height');
  must(x.count <= net.max_block_messages && (net.pow !== 'classic' || x.count === 1), 'wrong_message_count');
  must(x.nonce < 2n ** 53n, 'wrong_nonce');
  must(x.time <= MAX_TIME, 'wrong_time');
  must(net.interval === 0n ? x.busy === 0n : x.busy !== 0n && x.busy <= 4n * net.interval, 'wrong_busy');
  must(inForm(x.bits) && expand(x.bits) <= net.floor && (net.interval !== 0n || x.bits === net.genesis.bits), 'wrong_bits');
  must(ownWork(x) < 2n ** 128n, 'wrong_work');
  must(net.pow !== 'header' || bigEndian(x.hash) <= expand(x.bits), 'no_proof_of_work');
}

// after judges header x as a later one of p's branch.
function after(net, p, x) {
  const d = x.height - p.height, child = d === 1n, least = p.work + (d - 1n) * workOf(net.floor) + ownWork(x);
  must(!child || same(x.previous, p.hash), 'wrong_previous_hash');
  must(x.time >= p.time + d, 'wrong_time');
  must(x.busy <= x.time - p.time - (d - 1n), 'wrong_busy');
  must(!child || x.bits === nextBits(net, p), 'wrong_bits');
  must(child || net.interval === 0n ? x.work === least : x.work >= least, 'wrong_work');
  if (net.pow === 'classic' && child) {
    const proof = (p.height === 0n ? 'None' : String(p.nonce)) + String(x.nonce);
    must(hex(sha256(proof)).endsWith('0'.repeat(net.difficulty)), 'no_proof_of_work');
  }
  must(!child || p.height !== 0n || same(x.historyRoot, leafHash(p.hash)), 'wrong_history_root');
}

// Trees are those of RFC 6962.
function leafHash(...leaf) { return sha256('\x00', ...leaf); }

// pathRoot is null for a path of the wrong length. The hashes on the way up are put into up.
function pathRoot(index, size, leaf, path, up = []) {
  let h = leaf, i = BigInt(index), last = BigInt(size) - 1n;
  for (const p of path) {
    if (last === 0n) return null;
    if (i % 2n === 1n || i === last) {
      h = sha256('\x01', p, h);
      for (; i % 2n === 0n && i !== 0n; last /= 2n) i /= 2n;
    } else {
      h = sha256('\x01', h, p);
    }
    up.push(h);
    i /= 2n;
    last /= 2n;
  }
  return last === 0n ? h : null;
}

function checkPath(index, size, leaf, path, root, code) {
  const found = pathRoot(index, size, leaf, path.map(unhex));
  must(found, code + '_length');
  must(same(found, root), code);
}

function same(a, b) { return hex(a) === hex(b); }

// Section 5 and what comes before it, as the steps that the page shows. Each fills in what it found out;
// one that returns false has nothing to check in this file.
const STEPS = {
  file(s) {
    Object.assign(s, readFile(s.bytes));
  },
  network(s) {
    s.network = readNetwork(s.networkText, s.file.network);
  },
  message(s) {
    const { message, block, seen, next, tip } = s.file;
    const bytes = unhex(message.envelope), header = (h) => (h ? readHeader(unhex(h)) : null);
    s.envelope = readEnvelope(bytes);
    s.id = sha256('p2pchain/message/1', s.network.hash, bytes);
    Object.assign(s, { block: header(block.header), seen: header(seen?.header), next: header(next?.header), tip: header(tip) });
    must([s.block, s.seen, s.next, s.tip].every((h) => !h || h.version === VERSION), 'wrong_version');
    must(s.envelope.size <= s.network.max_payload_bytes, 'payload_too_large');
    const { authors, stamp_bits: stamp } = s.network;
    must(authors.length === 0 || authors.includes(hex(s.envelope.author)), 'author_not_allowed');
    must(bigEndian(s.id) < 2n ** BigInt(256 - stamp), 'stamp_missing');
  },
  body(s) {
    const body = s.file.message.body;
    if (!body) return false;
    s.payload = Uint8Array.from(atob(body.payload), (c) => c.charCodeAt(0));
    checkBody(s.envelope, unhex(body.salt), s.payload);
  },
  signature(s) {
    must(signatureHolds(s.envelope.author, s.id, unhex(s.file.message.signature)), 'bad_signature');
  },
  block(s) {
    alone(s.network, s.block);
    after(s.network, s.network.genesis, s.block);
  },
  place(s) {
    const { position, path } = s.file.block;
    must(position < s.block.count, 'wrong_position');
    const leaf = leafHash(s.id, unhex(s.file.message.signature));
    checkPath(position, s.block.count, leaf, path, s.block.messageRoot, 'message_path');
  },
  seen({ network, envelope, seen, block, file }) {
    if (!seen) return false;
    must(same(seen.hash, envelope.seen), 'seen_mismatch');
    must(seen.height < block.height, 'seen_not_earlier');
    if (seen.height === 0n) {
      must(same(seen.bytes, network.genesis.bytes), 'seen_not_genesis');
    } else {
      alone(network, seen);
      after(network, network.genesis, seen);
    }
    after(network, seen, block);
    checkPath(seen.height, block.height, leafHash(seen.hash), file.seen.path, block.historyRoot, 'seen_path');
  },
  next({ network, block, next, tip, file }) {
    must(next || !tip, 'next_missing');
    if (!next) return false;
    must(next.height === block.height + 1n, 'wrong_height');
    must(same(next.previous, block.hash), 'wrong_previous_hash');
    alone(network, next);
    after(network, block, next);
    must(tip || file.next.path.length === 0, 'tip_missing');
  },
  tip({ network, next, tip, file }) {
    if (!tip) return false;
    must(tip.height > next.height, 'tip_not_later');
    alone(network, tip);
    after(network, next, tip);
    checkPath(next.height, tip.height, leafHash(next.hash), file.next.path, tip.historyRoot, 'next_path');
  },
};

// check goes through a proof. What it returns has `steps`, each with a name and a state (passed, failed,
// absent, or open: not reached), the code of the first fault or null, and, as far as it came, the facts.
function check(bytes) {
  const s = { bytes, steps: Object.keys(STEPS).map((name) => ({ name, state: 'open' })), fault: null };
  for (const step of s.steps) {
    try {
      step.state = STEPS[step.name](s) === false ? 'absent' : 'passed';
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      step.state = 'failed';
      s.fault = e.code;
      return s;
    }
  }
  s.last = s.tip || s.next || s.block;
  s.confirmations = s.last.height - s.block.height;
  s.claimed = s.last.work - s.block.work;
  s.shown = s.network.pow === 'classic' ? 0n : [s.next, s.tip].reduce((sum, h) => sum + (h ? ownWork(h) : 0n), 0n);
  return s;
}
