// What was computed in each step of a proof, in rows.

import { bigEndian, decodeText, expand, hex, leafHash, ownWork, pathRoot, same, sha256, unhex } from "./receipt.js";
import { excerpt, number, say } from "./text.js";

/**
 * A value: its name, a text or a hash, whether it is as it must be, and the way to it.
 *
 * @typedef {{key: string, text?: string, hash?: string, like?: boolean, way?: {sibling: string, node: string}[]}} Row
 */

const hash = (key, bytes, like) => ({ key, hash: hex(bytes), like });
const text = (key, words) => ({ key, text: words });
const moment = (ms) => `${new Date(Number(ms)).toISOString().slice(0, 19).replace("T", " ")} UTC`;
const target = (header) => expand(header.bits);

/** The rows of a path from a leaf to a root that a header names. */
function climb(index, size, leaf, path, root, rootKey) {
  const siblings = path.map(unhex);
  const nodes = [];
  const top = pathRoot(index, size, leaf, siblings, nodes);
  const way = nodes.map((node, i) => ({ sibling: `${path[i].slice(0, 8)}…`, node: hex(node) }));
  return [
    hash("value.leaf", leaf),
    ...(way.length > 0 ? [{ key: "value.way", way }] : []),
    ...(top === null ? [] : [hash("value.root", top, same(top, root))]),
    hash(rootKey, root),
  ];
}

/** The rows of a header and the work on it, which is in its hash where the network has it there. */
function header(x, { pow }) {
  const height = text("value.height", number(x.height));
  if (pow === "classic") {
    return [height, hash("value.hash", x.hash)];
  }
  return [
    height, hash("value.hash", x.hash, bigEndian(x.hash) <= target(x)), { key: "value.limit", hash: target(x).toString(16).padStart(64, "0") },
    text("value.work", number(ownWork(x))),
  ];
}

const rows = {
  file: (s) => [text("value.size", say("bytes", number(s.bytes.length)))],
  network: (s) => [
    text("value.name", s.file.network.name), hash("value.params", sha256(s.networkText)), ...(s.network ? [hash("value.genesis", s.network.hash)] : []),
  ],
  message: (s, id) => s.envelope === undefined ? [] : [
    hash("value.author", s.envelope.author), text("value.time", moment(s.envelope.time)), text("value.type", excerpt(s.envelope.mediaType)),
    ...(s.id === undefined ? [] : [hash("value.id", s.id, hex(s.id) === id)]), { key: "value.idhere", hash: id },
  ],
  body(s) {
    if (s.payload === undefined) {
      return [];
    }
    const words = decodeText(s.payload);
    const found = sha256("p2pchain/payload/1", unhex(s.file.message.body.salt), s.payload);
    return [
      text("value.content", words === null ? say("bytes", number(s.payload.length)) : excerpt(words)),
      hash("value.commitment", found, same(found, s.envelope.commitment)), hash("value.commitmentsigned", s.envelope.commitment),
    ];
  },
  signature: (s) => [hash("value.author", s.envelope.author), { key: "value.signature", hash: s.file.message.signature }],
  block: (s) => header(s.block, s.network),
  place(s) {
    const { position, path } = s.file.block;
    const leaf = leafHash(s.id, unhex(s.file.message.signature));
    return [text("value.position", `${number(position)} / ${number(s.block.count)}`), ...climb(position, s.block.count, leaf, path, s.block.messageRoot, "value.rootheader")];
  },
  seen: ({ seen, envelope, block, file }) => seen === null ? [] : [
    text("value.height", number(seen.height)), hash("value.hash", seen.hash, same(seen.hash, envelope.seen)), hash("value.seen", envelope.seen),
    ...climb(seen.height, block.height, leafHash(seen.hash), file.seen.path, block.historyRoot, "value.historyheader"),
  ],
  next: ({ next, block, network }) => next === null ? [] : [...header(next, network), hash("value.previous", next.previous, same(next.previous, block.hash))],
  tip: ({ tip, next, block, file, network }) => tip === null ? [] : [
    ...header(tip, network), ...climb(next.height, tip.height, leafHash(next.hash), file.next.path, tip.historyRoot, "value.historyheader"),
    text("value.confirmations", number(tip.height - block.height)),
  ],
};

/**
 * Returns what is to be shown of a step that was reached.
 *
 * @param {string} name of the step
 * @param {object} s what check returned
 * @param {string} id of the message whose page this is
 * @returns {Row[]}
 */
export const rowsOf = (name, s, id) => (name === "file" || s.file !== undefined ? rows[name](s, id) : []);
