// Small chains of real blocks, by the formats and rules of the network: their hashes are the true ones. Only
// their keys are no secrets.
// @ts-check

import {
  BASE, FIELD, ORDER, Sha256, VERSION, after, alone, bigEndian, expand, hex, join, leafHash, littleEndian, modulo, multiplyPoint, nextBits, power,
  readHeader, readNetwork, sha256, sha512, signatureHolds, unhex, workOf,
} from "./receipt.js";

/**
 * @typedef {{name: string, seed: Uint8Array, key: Uint8Array}} Author
 * @typedef {{id: Uint8Array, author: Author, text: string, signature: Uint8Array, signed: boolean}} Message
 * @typedef {{header: any, bytes: Uint8Array, messages: Message[], leaves: Uint8Array[]}} Block
 */

const utf8 = new TextEncoder();

/** Returns the network that parameters make, which is another one for every difference. */
export const networkOf = (/** @type {any} */ params) => readNetwork(JSON.stringify(params), params);

/** Returns 32 bytes as a number is written by Ed25519. */
const littleBytes = (/** @type {bigint} */ n) => /** @type {Uint8Array} */ (unhex(n.toString(16).padStart(64, "0"))).reverse();

/** Returns the encoding of a point. */
function encodePoint([x, y, z]) {
  const inverse = power(z, FIELD - 2n);
  return littleBytes(modulo(y * inverse) | ((modulo(x * inverse) & 1n) << 255n));
}

/** Returns the number and the prefix that a seed stands for (RFC 8032, 5.1.5). */
function expandSeed(seed) {
  const h = sha512(seed);
  h[0] &= 248;
  h[31] = (h[31] & 127) | 64;
  return { secret: littleEndian(h.slice(0, 32)), prefix: h.slice(32) };
}

/** Returns an author of a lesson, whose key everybody knows. */
export function authorOf(name, seedHex) {
  const seed = unhex(seedHex);
  return { name, seed, key: encodePoint(multiplyPoint(BASE, expandSeed(seed).secret)) };
}

/** Signs as RFC 8032 says, at leisure: the time that it takes tells the key. */
function sign(author, bytes) {
  const { secret, prefix } = expandSeed(author.seed);
  const r = littleEndian(sha512(join(prefix, bytes))) % ORDER;
  const R = encodePoint(multiplyPoint(BASE, r));
  const k = littleEndian(sha512(join(R, author.key, bytes))) % ORDER;
  return join(R, littleBytes((r + k * secret) % ORDER));
}

/**
 * Makes a message. A signature that is given stays, whether it fits or not: so does a stranger who has no key.
 *
 * @returns {Message}
 */
export function compose(net, author, { time, salt, text, nonce = 0 }, signature = null) {
  const payload = utf8.encode(text);
  const envelope = new Uint8Array(118), view = new DataView(envelope.buffer);
  envelope[0] = 1;
  envelope.set(author.key, 1);
  view.setBigUint64(33, BigInt(time));
  envelope.set(net.hash, 41);
  view.setBigUint64(73, BigInt(nonce));
  view.setUint32(82, payload.length);
  envelope.set(sha256("p2pchain/payload/1", salt, payload), 86);
  const id = sha256("p2pchain/message/1", net.hash, envelope);
  const own = signature ?? sign(author, id);
  return { id, author, text, signature: own, signed: signature === null || signatureHolds(author.key, id, signature) };
}

/** Returns the root of a tree of RFC 6962 over the hashes of its leaves. */
export function treeRoot(leaves) {
  if (leaves.length === 0) {
    return sha256("");
  }
  if (leaves.length === 1) {
    return leaves[0];
  }
  let split = 1;
  while (2 * split < leaves.length) {
    split *= 2;
  }
  return sha256("\x01", treeRoot(leaves.slice(0, split)), treeRoot(leaves.slice(split)));
}

/** Returns the 152 bytes of a header. */
export function encodeHeader(h) {
  const bytes = new Uint8Array(152), view = new DataView(bytes.buffer);
  view.setUint32(0, VERSION);
  view.setUint32(4, h.count);
  view.setBigUint64(8, h.height);
  bytes.set(h.previous, 16);
  bytes.set(h.messageRoot, 48);
  bytes.set(h.historyRoot, 80);
  view.setBigUint64(112, h.work >> 64n);
  view.setBigUint64(120, BigInt.asUintN(64, h.work));
  view.setBigUint64(128, BigInt(h.time));
  view.setUint32(136, Number(h.busy));
  view.setUint32(140, h.bits);
  view.setBigUint64(144, BigInt(h.nonce));
  return bytes;
}

/** Returns the block without messages with which a network begins. */
export const genesisOf = (net) => ({ header: net.genesis, messages: [], leaves: [leafHash(net.hash)] });

/**
 * Returns the block on a parent that holds these messages, with a nonce that may or may not be good enough.
 *
 * @returns {Block}
 */
export function child(net, parent, messages, { time, nonce = 0 }) {
  const bits = nextBits(net, parent.header);
  const bytes = encodeHeader({
    count: messages.length, height: parent.header.height + 1n, previous: parent.header.hash,
    messageRoot: treeRoot(messages.map((m) => leafHash(m.id, m.signature))), historyRoot: treeRoot(parent.leaves),
    work: parent.header.work + workOf(expand(bits)), time, busy: net.interval, bits, nonce,
  });
  const header = readHeader(bytes);
  return { header, bytes, messages, leaves: [...parent.leaves, leafHash(header.hash)] };
}

/** Reports whether a header keeps every rule on its parent, its work included. */
export function keepsRules(net, parent, block) {
  try {
    alone(net, block.header);
    after(net, parent.header, block.header);
    return true;
  } catch {
    return false;
  }
}

/** Returns what the rules of classic hash for a block, and its hash. */
export function classicSum(parent, header) {
  const text = (parent.height === 0n ? "None" : String(parent.nonce)) + String(header.nonce);
  return { text, hash: hex(sha256(text)) };
}

/** Reports whether the hash of a header is not above its target. */
export const hasWork = (header) => bigEndian(header.hash) <= expand(header.bits);

/** A search for a nonce, from a header's own nonce up. One try is one round of SHA-256: what is before the nonce was hashed once. */
export class Search {
  constructor(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    this.start = new Sha256().update(bytes.subarray(0, 128)).state.slice();
    this.hash = new Sha256();
    this.block = new Uint8Array(64);
    this.block.set(bytes.subarray(128, 152));
    this.block[24] = 0x80;
    this.block.set([0x04, 0xc0], 62); // 1,216 bits
    this.view = new DataView(this.block.buffer);
    const target = unhex(expand(view.getUint32(140)).toString(16).padStart(64, "0"));
    this.target = Uint32Array.from({ length: 8 }, (_, i) => new DataView(target.buffer).getUint32(4 * i));
    this.nonce = Number(view.getBigUint64(144));
    this.tries = 0;
  }

  /** Tries so often at most; returns whether this.nonce is the one. */
  run(most) {
    const { state } = this.hash;
    for (let i = 0; i < most; i++) {
      this.view.setUint32(16, Math.floor(this.nonce / 0x100000000));
      this.view.setUint32(20, this.nonce >>> 0);
      state.set(this.start);
      this.hash.compress(this.block, 0);
      this.tries++;
      if (this.met(state)) {
        return true;
      }
      this.nonce++;
    }
    return false;
  }

  met(state) {
    for (let i = 0; i < 8; i++) {
      if (state[i] !== this.target[i]) {
        return state[i] < this.target[i];
      }
    }
    return true;
  }
}

/** Reports whether a chain with tip a is followed rather than one with tip b: more work, or as much and the lower hash. */
export const better = (a, b) => (a.work === b.work ? hex(a.hash) < hex(b.hash) : a.work > b.work);
