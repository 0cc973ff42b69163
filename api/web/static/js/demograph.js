// The picture of nodes and connections. Those of one side of the cut are on one side of the picture.

import { say } from "./text.js";

const middle = { x: 200, y: 150 };
const radius = { x: 140, y: 112 };

/** Makes an element of a picture. */
export function shape(name, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, String(value));
  }
  element.textContent = text;
  return element;
}

/**
 * Draws the connections of all nodes.
 *
 * @param {SVGElement} picture
 * @param {import("./demo.js").State} state
 * @param {import("./demotree.js").Branches} branches
 */
export function drawGraph(picture, state, branches) {
  const places = placesOf(state.members);
  const parts = [];
  for (const m of state.members) {
    for (const peer of m.peers) {
      const both = state.members[peer - 1]?.peers.includes(m.number);
      if (m.number < peer || !both) {
        const [from, to] = [places.get(m.number), places.get(peer)];
        parts.push(shape("line", { class: "tie", x1: from.x, y1: from.y, x2: to.x, y2: to.y }));
      }
    }
  }
  if (state.cut) {
    parts.push(shape("line", { class: "knife", x1: middle.x, y1: 8, x2: middle.x, y2: 292 }));
  }
  for (const m of state.members) {
    const { x, y } = places.get(m.number);
    const kind = m.url ? branches.colour(m.tip) : "away";
    const group = shape("g", { class: `${kind} ${m.phase === "damaging" || m.phase === "failed" ? "hurt" : ""}` });
    group.append(
      shape("circle", { cx: x, cy: y, r: Math.round(14 + 26 * Math.sqrt(m.share / 100)) }),
      shape("text", { x, y: y + 6 }, String(m.number)),
      shape("title", {}, `${say("demo.node", m.number)}: ${m.share} %`),
    );
    parts.push(group);
  }
  picture.replaceChildren(...parts);
}

/** Places the nodes of each side on an arc. */
function placesOf(members) {
  const places = new Map();
  for (const side of [0, 1]) {
    const here = members.filter((m) => m.side === side);
    here.forEach((m, i) => {
      const spread = Math.PI * Math.min(0.72, 0.36 * (here.length - 1));
      const turn = here.length === 1 ? 0 : (i / (here.length - 1) - 0.5) * spread;
      const x = Math.cos(turn) * radius.x * (side === 0 ? -1 : 1);
      places.set(m.number, { x: Math.round(middle.x + x), y: Math.round(middle.y + Math.sin(turn) * radius.y) });
    });
  }
  return places;
}
