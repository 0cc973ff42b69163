// The page Learn: what needs no script is on it already; here it comes to life.
// @ts-check

import { authorOf } from "./learnchain.js";
import { startClassic } from "./learnclassic.js";
import { startEdit } from "./learnedit.js";
import { startFork } from "./learnfork.js";
import { startTime } from "./learntime.js";

const data = document.getElementById("lesson");
const lesson = JSON.parse(data?.textContent ?? "");
const authors = lesson.authors.map((a) => authorOf(a.name, a.seed));

/**
 * Starts the search for a block's nonce in a worker.
 *
 * @param {Uint8Array} bytes of the header
 * @param {function({tries: number, ms: number}): void} progress
 * @returns {{found: Promise<{nonce: number, tries: number, ms: number} | null>, stop: function(): void}} null: stopped
 */
function search(bytes, progress) {
  const worker = new Worker(data?.dataset.worker ?? "", { type: "module" });
  let stop = () => {};
  const found = new Promise((resolve) => {
    stop = () => {
      worker.terminate();
      resolve(null);
    };
    worker.onerror = stop;
    worker.onmessage = ({ data: report }) => {
      progress(report);
      if (report.found) {
        worker.terminate();
        resolve(report);
      }
    };
  });
  worker.postMessage(bytes);
  return { found, stop: () => stop() };
}

startEdit(lesson.ours, authors, search);
startClassic(lesson.classic, lesson.ours, authors);
startTime(search);
startFork(JSON.parse(lesson.ours.params), authors);

for (const part of document.querySelectorAll("[data-scripted]")) {
  /** @type {HTMLElement} */ (part).hidden = false;
}
document.documentElement.dataset.ready = "yes";
