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

export function startFork(params, authors) {
  const own = { ...params, name: "learn-fork", difficulty: 2, max_block_messages: 1024 };
  let pair = new Pair(own, authors, Math.random);
  let returned = new Set();
  const share = () => Number(byID("share").value) / 100;
  const list = (messages) => messages.map((m) => m.text).join(", ") || say("learn.fork.none");

  function draw() {
    pair.nodes.forEach((node, i) => {
      const side = byID(`node${names[i].toLowerCase()}`);
      const tip = slot(side, "tip");
      tip.textContent = short(tip.title = hex(node.tip.header.hash));
      slot(side, "waiting").replaceChildren(...node.waiting.map((m) => element("li", m.text, returned.has(m) ? "chip back" : "chip")));
      if (node.waiting.length === 0) {
        slot(side, "waiting").append(element("li", say("learn.fork.none"), "faint"));
      }
    });
    byID("wire").textContent = say(pair.linked ? "learn.fork.linked" : "learn.fork.unlinked");
    byID("wire").classList.toggle("cut", !pair.linked);
    byID("cut").textContent = say(pair.linked ? "learn.fork.do.cut" : "learn.fork.do.heal");
    byID("cut").setAttribute("aria-pressed", String(!pair.linked));
    byID("shareout").textContent = `${byID("share").value} %`;
    drawTree();
  }

  function drawTree() {
    const picture = byID("forktree"), top = Math.max(...pair.blocks.map((b) => Number(b.header.height)));
    const first = Math.max(0, top - shownHeights + 1);
    const shown = pair.blocks.filter((b) => Number(b.header.height) >= first);
    const held = pair.nodes.map((n) => new Set(pair.branch(n.tip)));
    const x = (b) => box.left + (Number(b.header.height) - first) * box.step, y = (b) => lanes[b.lane];
    const middle = box.height / 2;
    picture.replaceChildren();
    for (const b of shown) {
      const kind = held[0].has(b) && held[1].has(b) ? "both" : held[0].has(b) || held[1].has(b) ? "one" : "left";
      if (b.parent !== null && Number(b.parent.header.height) >= first) {
        const from = [x(b.parent) + box.width, y(b.parent) + middle];
        picture.append(shape("path", { d: `M${from[0]} ${from[1]}L${x(b)} ${y(b) + middle}`, class: kind }));
      }
      const g = shape("g", { class: kind });
      g.append(shape("title", {}, `${hex(b.header.hash)}: ${list(b.messages)}`));
      g.append(shape("rect", { x: x(b), y: y(b), width: box.width, height: box.height, rx: 8 }));
      const label = b.by === null ? say("learn.fork.genesis") : `${number(Number(b.header.height))} ${names[b.by]}`;
      g.append(shape("text", { x: x(b) + box.width / 2, y: y(b) + 19, class: "name" }, label));
      g.append(shape("text", { x: x(b) + box.width / 2, y: y(b) + 35 }, hex(b.header.hash).slice(0, 6)));
      picture.append(g);
    }
    pair.nodes.forEach((node, i) => {
      const above = i === 0, at = node.tip;
      const text = pair.nodes[0].tip === pair.nodes[1].tip ? "A + B" : names[i];
      if (i === 0 || text !== "A + B") {
        picture.append(shape("text", { x: x(at) + box.width / 2, y: above ? y(at) - 8 : y(at) + box.height + 18, class: "stands" }, say("learn.fork.tip", text)));
      }
    });
    byID("forkscroll").scrollLeft = (top - first - 2) * box.step; // what is new is in sight
    picture.setAttribute("aria-label", say("learn.fork.picture.says", number(pair.blocks.length - 1), number(top)));
  }

  byID("step").addEventListener("click", () => {
    const b = pair.step(share());
    byID("forksays").textContent = say("learn.fork.found", names[b.by], number(Number(b.header.height)), list(b.messages));
    draw();
  });
  byID("cut").addEventListener("click", () => {
    returned = new Set();
    if (pair.linked) {
      pair.cut();
      byID("forksays").textContent = say("learn.fork.cut");
    } else {
      byID("forksays").textContent = healed(pair.heal());
    }
    draw();
  });
  byID("again").addEventListener("click", () => {
    pair = new Pair(own, authors, Math.random);
    returned = new Set();
    byID("forksays").textContent = say("learn.fork.start");
    draw();
  });
  byID("share").addEventListener("input", draw);
  draw();

  function healed(result) {
    if (result.same) {
      return say("learn.fork.same");
    }
    if (result.left.length === 0) {
      return say("learn.fork.behind", names[result.winner], names[1 - result.winner]);
    }
    returned = new Set(result.returned);
    const why = say(result.tie ? "learn.fork.tie" : "learn.fork.healed", names[result.winner], names[1 - result.winner], number(result.left.length));
    return `${why} ${say("learn.fork.back", list(result.returned))}`;
  }
}
