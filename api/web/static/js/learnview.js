// What the parts of the page Learn have in common: finding elements, and showing hashes and times.
// @ts-check

import { number, say } from "./text.js";

/** @returns {any} the element with an id */
export const byID = (/** @type {string} */ id) => document.getElementById(id);

/** @returns {any} the part of an element with a name */
export const slot = (/** @type {ParentNode} */ root, /** @type {string} */ name) => root.querySelector(`[data-slot=${name}]`);

/** Makes an element with a text inside. */
export function element(/** @type {string} */ name, text = "", className = "") {
  const e = document.createElement(name);
  e.textContent = text;
  e.className = className;
  return e;
}

/** Makes a part of a picture. */
export function shape(/** @type {string} */ name, /** @type {Object<string, any>} */ attributes, text = "") {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    e.setAttribute(key, String(value));
  }
  e.textContent = text;
  return e;
}

/**
 * Shows a hash in rows of sixteen digits: those that count as work are set apart, at the front or at the end,
 * and those that are not as they were are marked.
 *
 * @param {HTMLElement} into
 * @param {string} hash
 * @param {{was?: string, front?: number, end?: number}} how
 */
export function showHash(into, hash, { was = hash, front = 0, end = 0 } = {}) {
  into.replaceChildren();
  for (let at = 0; at < hash.length; at += 16) {
    const row = document.createElement("span");
    for (let i = at; i < at + 16;) {
      const kind = kindOf(i);
      let to = i + 1;
      while (to < at + 16 && kindOf(to) === kind) {
        to++;
      }
      row.append(kind === "" ? hash.slice(i, to) : element(kind === "changed" ? "mark" : "b", hash.slice(i, to)));
      i = to;
    }
    into.append(row);
  }
  into.title = hash;

  function kindOf(i) {
    if (i < front || i >= hash.length - end) {
      return "work";
    }
    return hash[i] === was[i] ? "" : "changed";
  }
}

/** Says that something is as it should be, or not. */
export function judge(/** @type {HTMLElement} */ e, /** @type {boolean} */ good, /** @type {string} */ text) {
  e.classList.toggle("good", good);
  e.classList.toggle("bad", !good);
  const into = slot(e, "text") ?? e;
  if (into.textContent !== text) { // what is said again would be read aloud again
    into.textContent = text;
  }
}

const units = [
  [60, 1, "learn.unit.seconds"], [3600, 60, "learn.unit.minutes"], [86_400, 3600, "learn.unit.hours"], [31_557_600, 86_400, "learn.unit.days"],
  [31_557_600e6, 31_557_600, "learn.unit.years"],
];

/** Puts a number of seconds into words. */
export function span(/** @type {number} */ seconds) {
  if (seconds < 1) {
    const ms = seconds * 1000;
    return say("learn.unit.milliseconds", ms < 1 ? "< 1" : number(Math.round(ms)));
  }
  for (const [below, size, key] of units) {
    const n = seconds / Number(size);
    const rounded = n < 10 ? Math.round(10 * n) / 10 : Math.round(n);
    if (rounded * Number(size) < Number(below)) {
      return rounded === 1 && key === "learn.unit.seconds" ? say("learn.unit.second") : say(String(key), number(rounded));
    }
  }
  return say("learn.unit.ages");
}
