// Difficulty and time: what zeros cost, and how a chain keeps its pace.
// @ts-check

import { byID, shape, slot, span } from "./learnview.js";
import { compact, expand, nextBits, workOf } from "./receipt.js";
import { number, rate, say } from "./text.js";

/** The pace of the network `main`. */
const intervalMs = 5000n;
const floor = expand(compact(2n ** (256n - 24n) - 1n));
const blocks = 400;
const change = 40; // the block at which the hash rate changes
const frame = { left: 56, right: 712, top: 12, bottom: 220 };
/** Seconds at the bottom and at the top of the picture, and its lines. */
const [least, most, lines] = [0.1, 100, [0.1, 1, 5, 10, 100]];

export function startTime(search) {
  const slider = byID("rate");
  const drawRate = () => {
    const perSecond = 10 ** Number(slider.value);
    byID("rateout").textContent = rate(perSecond);
    slider.setAttribute("aria-valuetext", rate(perSecond));
    byID("ratehead").textContent = say("learn.time.at", rate(perSecond));
    for (const row of byID("odds").rows) {
      slot(row, "time").textContent = span(Number(row.dataset.tries) / perSecond);
    }
  };
  slider.addEventListener("input", drawRate);
  byID("measure").addEventListener("click", async () => {
    byID("measure").disabled = true;
    const header = new Uint8Array(152); // a target of 0 is met by no hash
    const job = search(header, ({ tries, ms }) => {
      if (ms > 400) {
        slider.value = Math.log10(tries / ms * 1000).toFixed(1);
        job.stop();
      }
    });
    await job.found;
    byID("measure").disabled = false;
    drawRate();
  });
  drawRate();
  const chosen = () => Number(/** @type {HTMLInputElement} */ (document.querySelector("input[name=scenario]:checked")).value);
  for (const radio of document.querySelectorAll("input[name=scenario]")) {
    radio.addEventListener("change", () => drawRetarget(chosen()));
  }
  drawRetarget(chosen());
}

/** Returns numbers from 0 up to 1 that are the same each time (mulberry32). */
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets a network mine whose hash rate is multiplied once, by the rule of consensus. Times are in seconds. */
export function retarget(factor) {
  const roll = dice(7), net = { interval: intervalMs, floor };
  let bits = compact(2n ** 212n);
  const usual = Number(workOf(expand(bits))) / 5; // hashes a second
  return Array.from({ length: blocks }, (_, i) => {
    const mean = Number(workOf(expand(bits))) / (i < change ? usual : usual * factor);
    const took = -Math.log(1 - roll()) * mean;
    const busy = BigInt(Math.min(4 * Number(intervalMs), Math.max(1, Math.round(took * 1000))));
    bits = nextBits(net, { bits, busy });
    return { mean, took };
  });
}

/** Returns the first block after the change for which about the usual time is to be expected again. */
export function recovered(list) {
  return list.findIndex(({ mean }, i) => i > change && mean > 4 && mean < 6);
}

function drawRetarget(factor) {
  const plot = byID("plot"), list = retarget(factor);
  const x = (i) => frame.left + (frame.right - frame.left) * i / (blocks - 1);
  const y = (s) => frame.bottom - (frame.bottom - frame.top) * Math.log(Math.min(most, Math.max(least, s)) / least) / Math.log(most / least);
  plot.replaceChildren();
  for (const s of lines) {
    plot.append(shape("path", { d: `M${frame.left} ${y(s)}H${frame.right}`, class: s === 5 ? "goal" : "grid" }));
    plot.append(shape("text", { x: frame.left - 8, y: y(s) + 4, "text-anchor": "end" }, say("learn.retarget.seconds", number(s))));
  }
  list.forEach(({ took }, i) => plot.append(shape("circle", { cx: x(i).toFixed(1), cy: y(took).toFixed(1), r: 1.5, class: "each" })));
  plot.append(shape("path", { d: list.map(({ mean }, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(mean).toFixed(1)}`).join(""), class: "mean" }));
  for (const i of [0, 40, 100, 200, 300]) {
    plot.append(shape("text", { x: x(i), y: frame.bottom + 20, "text-anchor": "middle" }, number(i)));
  }
  plot.append(shape("text", { x: frame.right, y: frame.bottom + 20, "text-anchor": "end" }, say("learn.retarget.block")));
  byID("retargetsays").textContent = factor === 1
    ? say("learn.retarget.calm")
    : say("learn.retarget.says", span(list[change].mean), number(recovered(list) - change));
}
