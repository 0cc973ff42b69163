// SHA-256 and SHA-512 (FIPS 180-4) in plain JavaScript. The browser's own are left alone: a page that
// was opened from a file is no secure context everywhere, and then has none.
'use strict';

// roundConstants are the first 64 bits of the fractional parts of roots of the first primes: cube roots
// for the rounds, square roots for the start. SHA-256 uses the upper half of each.
function roundConstants(count, degree) {
  const out = [];
  for (let n = 2n; out.length < count; n++) {
    let prime = true;
    for (let d = 2n; d * d <= n; d++) if (n % d === 0n) prime = false;
    if (prime) out.push(BigInt.asUintN(64, integerRoot(n << (64n * degree), degree)));
  }
  return out;
}

// integerRoot is the largest r with r^degree <= n, found bit by bit.
function integerRoot(n, degree) {
  let root = 0n;
  for (let bit = 1n << 70n; bit > 0n; bit >>= 1n) {
    if ((root | bit) ** degree <= n) root |= bit;
  }
  return root;
}

const K512 = roundConstants(80, 3n), H512 = roundConstants(8, 2n);
const K256 = Uint32Array.from(K512.slice(0, 64), (k) => Number(k >> 32n));
const H256 = Uint32Array.from(H512, (h) => Number(h >> 32n));

// A Sha256 takes bytes piece by piece, so that a document of any size passes through little memory.
class Sha256 {
  constructor() {
    this.state = H256.slice();
    this.block = new Uint8Array(64);
    this.words = new Uint32Array(64);
    this.size = 0; // bytes so far
  }

  update(bytes) {
    for (let from = 0; from < bytes.length;) {
      const used = this.size % 64;
      if (used === 0 && bytes.length - from >= 64) {
        this.compress(bytes, from);
        from += 64;
        this.size += 64;
        continue;
      }
      const part = bytes.subarray(from, from + 64 - used);
      this.block.set(part, used);
      from += part.length;
      this.size += part.length;
      if (this.size % 64 === 0) this.compress(this.block, 0);
    }
    return this;
  }

  digest() {
    const size = this.size, padding = new Uint8Array((119 - (size % 64)) % 64 + 9);
    const end = new DataView(padding.buffer, padding.length - 8);
    padding[0] = 0x80;
    end.setUint32(0, Math.floor(size / 0x20000000));
    end.setUint32(4, (size * 8) % 0x100000000);
    this.update(padding);
    const out = new DataView(new ArrayBuffer(32));
    this.state.forEach((word, i) => out.setUint32(4 * i, word));
    return new Uint8Array(out.buffer);
  }

  compress(bytes, at) {
    const w = this.words, s = this.state;
    for (let i = 0; i < 16; i++, at += 4) {
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K256[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0;
      d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
  }
}

// sha256 is the hash of its arguments (byte arrays, or text of ASCII) one after the other.
function sha256(...parts) {
  const h = new Sha256();
  for (const part of parts) h.update(typeof part === 'string' ? ascii(part) : part);
  return h.digest();
}

// sha512 is for the 96 bytes of a signature's challenge: short code, not fast code.
function sha512(bytes) {
  const padded = new Uint8Array(128 * Math.ceil((bytes.length + 17) / 128));
  const view = new DataView(padded.buffer);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  view.setUint32(padded.length - 4, bytes.length * 8);
  const mask = (x) => BigInt.asUintN(64, x), turn = (x, n) => mask((x >> n) | (x << (64n - n)));
  let state = H512;
  for (let at = 0; at < padded.length; at += 128) {
    const w = K512.map((_, i) => (i < 16 ? view.getBigUint64(at + 8 * i) : 0n));
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i++) {
      if (i >= 16) {
        const x = w[i - 15], y = w[i - 2];
        const s0 = turn(x, 1n) ^ turn(x, 8n) ^ (x >> 7n), s1 = turn(y, 19n) ^ turn(y, 61n) ^ (y >> 6n);
        w[i] = mask(w[i - 16] + s0 + w[i - 7] + s1);
      }
      const s1 = turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n), s0 = turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n);
      const t1 = h + s1 + ((e & f) ^ (mask(~e) & g)) + K512[i] + w[i];
      const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, mask(d + t1), c, b, a, mask(t1 + t2)];
    }
    state = [a, b, c, d, e, f, g, h].map((x, i) => mask(x + state[i]));
  }
  const out = new DataView(new ArrayBuffer(64));
  state.forEach((word, i) => out.setBigUint64(8 * i, word));
  return new Uint8Array(out.buffer);
}

function ascii(text) { return Uint8Array.from(text, (c) => c.charCodeAt(0)); }

function hex(bytes) { return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(''); }

// unhex reads lower-case hex of an even length; anything else gives null.
function unhex(text) {
  if (typeof text !== 'string' || text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

function join(...parts) {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

// bigEndian and littleEndian read bytes as a number.
function bigEndian(bytes) { return BigInt('0x' + (hex(bytes) || '0')); }
function littleEndian(bytes) { return bigEndian(bytes.slice().reverse()); }
