// The picture of the latest blocks of all branches, by height from left to right.

import { shape } from "./demograph.js";
import { number, say, short } from "./text.js";

const block = { width: 50, height: 36 };
const step = { x: 68, y: 76 };
const margin = { left: 12, top: 34, right: 76, bottom: 10 };
const lanes = 4;

/** Branches remember the lane of each block, so that a branch stays where it began. */
export class Branches {
  /** @type {Map<string, number>} */
  #lanes = new Map();
  #drawn = new Set();
  #follows = true; // the newest block is to be seen, unless somebody looks at others

  /**
   * @param {SVGElement} picture
   * @param {HTMLElement} around what scrolls it
   */
  constructor(picture, around) {
    this.picture = picture;
    this.around = around;
    around.addEventListener("scroll", () => {
      this.#follows = around.scrollLeft + around.clientWidth >= around.scrollWidth - step.x;
    });
    window.addEventListener("resize", () => this.#scroll());
  }

  /** Returns the class with the colour of a block's branch. */
  colour(hash) {
    return `lane-${(this.#lanes.get(hash) ?? 0) % lanes}`;
  }

  /** @param {import("./demo.js").State} state */
  draw(state) {
    this.#assign(state.blocks);
    if (state.blocks.length === 0) {
      return;
    }
    const heights = state.blocks.map((b) => b.height);
    const [first, last] = [Math.min(...heights), Math.max(...heights)];
    const deepest = Math.max(1, ...state.blocks.map((b) => this.#lanes.get(b.hash))); // room for a fork, so that nothing jumps
    const width = margin.left + (last - first) * step.x + block.width + margin.right;
    const height = margin.top + deepest * step.y + block.height + margin.bottom;
    const x = (b) => margin.left + (b.height - first) * step.x;
    const y = (b) => margin.top + this.#lanes.get(b.hash) * step.y;
    const known = new Map(state.blocks.map((b) => [b.hash, b]));
    const live = livingBlocks(state, known);
    const parts = [];
    for (const b of state.blocks) {
      const parent = known.get(b.previous);
      if (parent) {
        const [x1, y1] = [x(parent) + block.width, y(parent) + block.height / 2];
        const [x2, y2] = [x(b), y(b) + block.height / 2];
        const bend = (x1 + x2) / 2;
        const kind = live.has(b.hash) ? "" : "left";
        parts.push(shape("path", { class: `${this.colour(b.hash)} ${kind}`, d: `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}` }));
      }
    }
    for (const b of state.blocks) {
      parts.push(this.#card(b, x(b), y(b), live.has(b.hash)));
    }
    for (const [hash, members] of standing(state)) {
      const b = known.get(hash);
      members.forEach((m, i) => b && parts.push(this.#chip(m, x(b) + 10 + i * 21, y(b) - 15)));
    }
    this.#show(parts, Math.max(width, 1), height);
    this.#drawn = new Set(known.keys());
  }

  #show(parts, width, height) {
    this.picture.setAttribute("width", String(width));
    this.picture.setAttribute("height", String(height));
    this.picture.replaceChildren(...parts);
    this.#scroll();
  }

  #scroll() {
    if (this.#follows) {
      this.around.scrollLeft = this.around.scrollWidth;
    }
  }

  #card(b, x, y, lives) {
    const fresh = this.#drawn.size > 0 && !this.#drawn.has(b.hash);
    const group = shape("g", { class: [this.colour(b.hash), lives ? "" : "left", fresh ? "new" : ""].join(" ") });
    group.append(
      shape("rect", { x, y, width: block.width, height: block.height, rx: 6 }),
      shape("text", { x: x + block.width / 2, y: y + 16 }, `#${number(b.height)}`),
      shape("text", { class: "count", x: x + block.width / 2, y: y + 30 }, number(b.messages)),
      shape("title", {}, say("demo.block", number(b.height), number(b.messages), short(b.hash))),
    );
    return group;
  }

  #chip(m, x, y) {
    const group = shape("g", { class: `chip ${this.colour(m.tip)}` });
    group.append(shape("circle", { cx: x, cy: y, r: 9.5 }), shape("text", { x, y: y + 4 }, String(m.number)));
    return group;
  }

  /** Gives each new block the lane of its parent, or the first free one where a sibling has that. */
  #assign(blocks) {
    const kept = new Map();
    const taken = new Set();
    for (const b of blocks) {
      if (this.#lanes.has(b.hash)) {
        kept.set(b.hash, this.#lanes.get(b.hash));
        taken.add(`${b.previous} ${kept.get(b.hash)}`);
      }
    }
    const newest = blocks.filter((b) => !kept.has(b.hash)).sort((a, b) => a.height - b.height || Number(b.best) - Number(a.best));
    for (const b of newest) {
      let lane = kept.get(b.previous) ?? 0;
      if (taken.has(`${b.previous} ${lane}`)) {
        const used = new Set(blocks.map((other) => kept.get(other.hash)));
        for (lane = 0; used.has(lane); lane++);
      }
      kept.set(b.hash, lane);
      taken.add(`${b.previous} ${lane}`);
    }
    this.#lanes = kept;
    const low = Math.min(...kept.values());
    if (low > 0) { // what was above went out of sight
      kept.forEach((lane, hash) => kept.set(hash, lane - low));
    }
  }
}

/** Returns the blocks that are on some running node's chain. */
function livingBlocks(state, known) {
  const live = new Set();
  for (const m of state.members.filter((member) => member.url)) {
    for (let hash = m.tip; known.has(hash) && !live.has(hash); hash = known.get(hash).previous) {
      live.add(hash);
    }
  }
  return live;
}

/** Returns which nodes stand on each tip. */
function standing(state) {
  const tips = new Map();
  for (const m of state.members.filter((member) => member.url)) {
    tips.set(m.tip, [...(tips.get(m.tip) ?? []), m]);
  }
  return tips;
}
