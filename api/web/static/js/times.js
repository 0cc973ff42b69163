// Times in words, beside which the exact one stays to be read.

import { awake } from "./live.js";
import { ago } from "./text.js";

const everyMs = 10_000;

/** Puts every time below an element into words. */
export function putIntoWords(root = document) {
  for (const time of root.querySelectorAll("time")) {
    const exact = time.title || time.textContent;
    const words = ago(Date.parse(time.dateTime));
    time.title = exact;
    time.textContent = words ?? exact;
  }
}

putIntoWords();
setInterval(() => awake() && putIntoWords(), everyMs);
