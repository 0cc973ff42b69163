// Fork and heal: two nodes with real blocks, a line between them that can be cut, and the rule by which they agree again.
// @ts-check

import { Search, better, child, compose, genesisOf, networkOf } from "./learnchain.js";
import { byID, element, shape, slot } from "./learnview.js";
import { hex } from "./receipt.js";
import { number, say, short } from "./text.js";

const names = ["A", "B"];
const shownHeights = 9; // how much of the chain the picture has
const box = { width: 64, height: 44, step: 84, left: 8 };
const lanes = [24, 148, 86]; // of A alone, of B alone, of both

/** A network of two nodes, without a page. */
export class Pair {
  /**
   * @param {any} params of the network
   * @param {any[]} authors two of them
   * @param {function(): number} roll gives numbers from 0 up to 1
   */
  constructor(params, authors, roll) {
    this.net = networkOf(params);
    this.authors = authors;
    this.roll = roll;
    const genesis = { ...genesisOf(this.net), parent: null, lane: 2, by: null };
    this.blocks = [genesis];
    this.nodes = names.map(() => ({ tip: genesis, waiting: [] }));
    this.linked = true;
    this.written = 0;
  }

  /** Everybody writes one message, and one node finds a block; share is node A's part of the hash rate. */
  step(share) {
    this.written++;
    names.forEach((name, i) => {
      const time = this.net.genesis_time_ms + this.written, text = `${name}${this.written}`;
      const message = compose(this.net, this.authors[i], { time, salt: new Uint8Array(16), text, nonce: this.written });
      this.nodes.filter((_, n) => this.linked || n === i).forEach((node) => node.waiting.push(message));
    });
    const by = this.roll() < share ? 0 : 1, node = this.nodes[by];
    const draft = { time: this.net.genesis_time_ms + 1000 * this.written };
    const search = new Search(child(this.net, node.tip, node.waiting, draft).bytes);
    search.run(Infinity);
    const block = { ...child(this.net, node.tip, node.waiting, { ...draft, nonce: search.nonce }), parent: node.tip, lane: this.linked ? 2 : by, by };
    this.blocks.push(block);
    this.nodes.filter((n) => this.linked || n === node).forEach((n) => this.connect(n, block));
    return block;
  }

  connect(node, block) {
    node.tip = block;
    node.waiting = node.waiting.filter((m) => !block.messages.includes(m));
  }

  cut() {
    this.linked = false;
  }

  /** Lets both hear of everything again: they follow the branch with more work, and nothing is lost. */
  heal() {
    this.linked = true;
    const [a, b] = this.nodes.map((n) => n.tip);
    const winner = better(a.header, b.header) ? 0 : 1, tip = this.nodes[winner].tip, lost = this.nodes[1 - winner].tip;
    const kept = new Set(this.branch(tip)), sealed = new Set([...kept].flatMap((block) => block.messages));
    const left = [...this.branch(lost)].filter((block) => !kept.has(block));
    const returned = left.flatMap((block) => block.messages).filter((m) => !sealed.has(m));
    const waiting = new Set([...returned, ...this.nodes.flatMap((n) => n.waiting)].filter((m) => !sealed.has(m)));
    this.nodes = this.nodes.map(() => ({ tip, waiting: [...waiting] }));
    return { winner, tip, left, returned, same: a === b, tie: a !== b && a.header.work === b.header.work };
  }

  /** Returns the blocks from genesis to a tip. */
  branch(tip) {
    const out = [];
    for (let b = tip; b !== null; b = b.parent) {
      out.unshift(b);
    }
    return out;
  }
}

const list = (messages) => messages.map((m) => m.text).join(", ") || say("learn.fork.none");

/** The part of the page with the two nodes. */
class Meeting {
  constructor(params, authors) {
    this.begin = () => {
      this.pair = new Pair(params, authors, Math.random);
      this.returned = new Set(); // messages that the last reorg gave back
    };
    this.begin();
    byID("step").addEventListener("click", () => {
      const b = this.pair.step(Number(byID("share").value) / 100);
      this.show(say("learn.fork.found", names[b.by], number(Number(b.header.height)), list(b.messages)));
    });
    byID("cut").addEventListener("click", () => this.show(this.pair.linked ? this.cut() : this.heal()));
    byID("again").addEventListener("click", () => {
      this.begin();
      this.show(say("learn.fork.start"));
    });
    byID("share").addEventListener("input", () => this.draw());
    this.draw();
  }

  cut() {
    this.returned = new Set();
    this.pair.cut();
    return say("learn.fork.cut");
  }

  heal() {
    const { winner, left, returned, same, tie } = this.pair.heal(), who = [names[winner], names[1 - winner]];
    this.returned = new Set(returned);
    if (same) {
      return say("learn.fork.same");
    }
    if (left.length === 0) {
      return say("learn.fork.behind", ...who);
    }
    return `${say(tie ? "learn.fork.tie" : "learn.fork.healed", ...who, number(left.length))} ${say("learn.fork.back", list(returned))}`;
  }

  show(said) {
    byID("forksays").textContent = said;
    this.draw();
  }

  draw() {
    const { linked, nodes } = this.pair;
    nodes.forEach((node, i) => this.drawNode(byID(`node${names[i].toLowerCase()}`), node));
    byID("wire").textContent = say(linked ? "learn.fork.linked" : "learn.fork.unlinked");
    byID("wire").classList.toggle("cut", !linked);
    byID("cut").textContent = say(linked ? "learn.fork.do.cut" : "learn.fork.do.heal");
    byID("shareout").textContent = `${byID("share").value} %`;
    this.drawTree();
  }

  drawNode(side, node) {
    const tip = slot(side, "tip");
    tip.textContent = short(tip.title = hex(node.tip.header.hash));
    slot(side, "waiting").replaceChildren(...node.waiting.map((m) => element("li", m.text, this.returned.has(m) ? "chip back" : "chip")));
    if (node.waiting.length === 0) {
      slot(side, "waiting").append(element("li", say("learn.fork.none"), "faint"));
    }
  }

  /** Draws the newest blocks, all of the same height below each other. */
  drawTree() {
    const { blocks, nodes } = this.pair, picture = byID("forktree");
    const top = Math.max(...blocks.map((b) => Number(b.header.height))), first = Math.max(0, top - shownHeights + 1);
    const place = (b) => [box.left + (Number(b.header.height) - first) * box.step, lanes[b.lane]];
    const held = nodes.map((n) => new Set(this.pair.branch(n.tip)));
    picture.replaceChildren();
    for (const b of blocks.filter((b) => Number(b.header.height) >= first)) {
      const holders = held.filter((set) => set.has(b)).length, kind = ["left", "one", "both"][holders];
      if (b.parent !== null && Number(b.parent.header.height) >= first) {
        const [[x1, y1], [x2, y2]] = [place(b.parent), place(b)];
        picture.append(shape("path", { d: `M${x1 + box.width} ${y1 + box.height / 2}L${x2} ${y2 + box.height / 2}`, class: kind }));
      }
      picture.append(card(b, kind, place(b)));
    }
    const together = nodes[0].tip === nodes[1].tip;
    (together ? [nodes[0]] : nodes).forEach(({ tip }, i) => {
      const [x, y] = place(tip), text = say("learn.fork.tip", together ? names.join(" + ") : names[i]);
      picture.append(shape("text", { x: x + box.width / 2, y: i === 0 ? y - 8 : y + box.height + 18, class: "stands" }, text));
    });
    byID("forkscroll").scrollLeft = (top - first - 2) * box.step; // what is new is in sight
    picture.setAttribute("aria-label", say("learn.fork.picture.says", number(blocks.length - 1), number(top)));
  }
}

/** Returns the picture of a block. */
function card(b, kind, [x, y]) {
  const g = shape("g", { class: kind }), hash = hex(b.header.hash);
  const label = b.by === null ? say("learn.fork.genesis") : `${number(Number(b.header.height))} ${names[b.by]}`;
  g.append(
    shape("title", {}, `${hash}: ${list(b.messages)}`),
    shape("rect", { x, y, width: box.width, height: box.height, rx: 8 }),
    shape("text", { x: x + box.width / 2, y: y + 19, class: "name" }, label),
    shape("text", { x: x + box.width / 2, y: y + 35 }, hash.slice(0, 6)),
  );
  return g;
}

export function startFork(params, authors) {
  return new Meeting({ ...params, name: "learn-fork", difficulty: 2, max_block_messages: 1024 }, authors);
}
