// What the page of a message says and its proof does not. The pages of a node elsewhere show what that node says, so a
// proof that holds is not enough.

import { hex, sha256 } from "./receipt.js";
import { excerpt, say } from "./text.js";

const moment = (ms) => new Date(Number(ms)).toISOString();

/** A block that bounds when a message was written, as pages name it; empty: there is none. */
const bound = (header) => (header === null ? "" : `${header.height}, ${moment(header.time)}`);

/**
 * A fact that a page shows.
 *
 * @typedef {object} Fact
 * @property {string} step of the proof which shows it
 * @property {string} key among what the page shows
 * @property {string} name its text's key
 * @property {(s: object) => string} proven what the proof has, empty for nothing
 * @property {(shown: string, proven: string) => boolean} [fits] whether the page may show it; else only what is proven
 */

/** @type {Fact[]} */
const facts = [
  { step: "message", key: "time", name: "message.time", proven: (s) => moment(s.envelope.time) },
  { step: "message", key: "type", name: "message.type", proven: (s) => s.envelope.mediaType },
  { step: "message", key: "size", name: "message.size", proven: (s) => String(s.envelope.size) },
  { step: "message", key: "seen", name: "message.seen", proven: (s) => hex(s.envelope.seen) },
  { step: "block", key: "height", name: "value.height", proven: (s) => String(s.block.height) },
  { step: "block", key: "sealed", name: "block.time", proven: (s) => moment(s.block.time) },
  { step: "place", key: "position", name: "prove.position", proven: (s) => String(s.file.block.position) },
  { step: "seen", key: "after", name: "step.seen", proven: (s) => bound(s.seen) },
  // The block on top and those that follow may have come since the page was made.
  { step: "next", key: "before", name: "step.next", proven: (s) => bound(s.next), fits: (shown, proven) => shown === "" || shown === proven },
  {
    step: "tip", key: "confirmations", name: "prove.confirmations", fits: (shown, proven) => BigInt(shown) <= BigInt(proven),
    proven: ({ tip, next, block }) => String((tip ?? next ?? block).height - block.height + 1n),
  },
];

const alike = (shown, proven) => shown === proven;

/** What is wrong with the names and the content that a page shows, by step. */
const wholes = {
  message: (s, page) => (hex(s.id) !== page.id || hex(s.envelope.author) !== page.author ? say("prove.other") : ""),
  body(s, page) {
    if (page.content === undefined) {
      return "";
    }
    if (s.payload === undefined) {
      return say("prove.nocontent");
    }
    return hex(sha256(s.payload)) === page.content ? "" : say("prove.content");
  },
  block: (s, page) => (hex(s.block.hash) !== page.block ? say("prove.block") : ""),
};

/**
 * Returns the steps that hold, or that a proof lacks, and that the page contradicts: each with the reason.
 *
 * @param {object} s what check returned
 * @param {Record<string, string | undefined>} page what the page shows
 * @returns {Map<object, string>}
 */
export function contradictions(s, page) {
  const found = new Map();
  for (const step of s.steps.filter(({ state }) => state === "passed" || state === "absent")) {
    const reason = wholes[step.name]?.(s, page) || differing(step.name, s, page);
    if (reason !== "") {
      found.set(step, reason);
    }
  }
  return found;
}

/** Says which fact of a step the page shows otherwise, empty for none. */
function differing(step, s, page) {
  for (const { key, name, proven, fits = alike } of facts.filter((fact) => fact.step === step && page[fact.key] !== undefined)) {
    const shown = page[key];
    const right = proven(s);
    if (!fits(shown, right)) {
      return say("prove.fact", say(name), excerpt(shown) || "–", excerpt(right) || "–");
    }
  }
  return "";
}
