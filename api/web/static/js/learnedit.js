// Edit a block and see all after it break; mine it again and see what that costs.
// @ts-check

import { better, child, compose, genesisOf, hasWork, networkOf } from "./learnchain.js";
import { byID, element, judge, showHash, slot, span } from "./learnview.js";
import { expand, hex, unhex, workOf } from "./receipt.js";
import { number, say, short } from "./text.js";

/** Offsets at which the fields of a header end. */
const fieldEnds = [4, 8, 16, 48, 80, 112, 128, 136, 140, 144, 152];

/** How many tries a block of `main` costs on average where it is easiest: six zeros. */
const easiestOfMain = 2 ** 24;

/** A chain on which somebody works, beside the one that everybody has. It knows no page. */
class Bench {
  constructor(example, authors) {
    this.example = example;
    this.authors = authors;
    this.stories = example.blocks.map((b) => b.text);
    this.nonces = example.blocks.map((b) => b.nonce);
    this.stranger = false; // whoever writes has no key
    this.begin(JSON.parse(example.params));
    this.keep();
  }

  /** Begins anew on a network, of which nobody has a chain yet. */
  begin(params) {
    this.net = networkOf(params);
    this.texts = this.stories.slice();
    this.drafts = []; // messages that were written here
    this.held = []; // the blocks that everybody has
    this.rebuild();
  }

  /** From now on, everybody has the chain as it is. */
  keep() {
    this.held = this.blocks;
  }

  /** Goes back to the chain that everybody has, if there is one. */
  reset() {
    this.texts = this.stories.slice();
    this.nonces = this.held.length > 0 ? this.held.map((b) => Number(b.header.nonce)) : this.nonces;
    this.rebuild();
  }

  /** Builds the chain from the texts and nonces as they are. */
  rebuild() {
    let parent = genesisOf(this.net);
    this.blocks = this.example.blocks.map(({ time }, i) => (parent = child(this.net, parent, [this.messageOf(i)], { time, nonce: this.nonces[i] })));
  }

  /** Returns the message of a block: signed by its author or, where a stranger wrote it, with the old signature. */
  messageOf(i) {
    const { author, time, salt } = this.example.blocks[i], text = this.texts[i], original = this.held[i]?.messages[0];
    if (original?.text === text) {
      return original;
    }
    const signature = this.stranger && original ? original.signature : null;
    if (this.drafts[i]?.text !== text || this.drafts[i].signed !== (signature === null)) {
      this.drafts[i] = compose(this.net, this.authors[author], { time, salt: unhex(salt), text }, signature);
    }
    return this.drafts[i];
  }

  /** Returns the first block without its work, or the first whose author did not sign; -1: there is none. */
  firstBroken = () => this.blocks.findIndex((b) => !hasWork(b.header));
  firstForged = () => this.blocks.findIndex((b) => !b.messages[0].signed);

  /** Returns how many tries one block costs on average. */
  cost = () => Number(workOf(expand(this.net.genesis.bits)));

  /** Returns what is to be said about the chain, and whether that is good. */
  verdict() {
    const broken = this.firstBroken(), forged = this.firstForged();
    if (broken >= 0) {
      const lost = this.blocks.filter((b) => !hasWork(b.header)).length;
      return [false, say("learn.verdict.broken", broken + 1, number(lost * this.cost()))];
    }
    if (forged >= 0) {
      return [false, say("learn.verdict.forged", forged + 1, this.blocks[forged].messages[0].author.name)];
    }
    const tip = this.blocks.at(-1).header, theirs = this.held.at(-1)?.header ?? tip;
    if (hex(tip.hash) === hex(theirs.hash)) {
      return [true, say("learn.verdict.whole")];
    }
    return [false, say(better(tip, theirs) ? "learn.verdict.lucky" : "learn.verdict.other")];
  }
}

/** The part of the page on which a chain is edited and mined. */
class Workshop {
  constructor(bench, search) {
    this.bench = bench;
    this.search = search;
    this.cards = Array.from(byID("links").querySelectorAll("[data-height]"));
    this.shown = 0; // the block whose bytes are in the table
    this.job = null; // the search that runs
    this.cards.forEach((card, i) => this.listenCard(card, i));
    this.listen();
    this.draw();
  }

  listenCard(card, i) {
    const field = card.querySelector("textarea");
    field.value = this.bench.texts[i]; // some browsers keep what was written before the page was loaded again
    field.readOnly = false;
    field.addEventListener("input", () => {
      this.bench.texts[i] = field.value;
      this.shown = i;
      this.changed();
    });
    field.addEventListener("focus", () => {
      this.shown = i;
      this.drawBytes();
    });
    slot(card, "mine").addEventListener("click", () => this.mine(false));
  }

  listen() {
    const { bench } = this;
    byID("stranger").checked = false;
    byID("digits").value = String(bench.net.difficulty);
    byID("mineall").addEventListener("click", () => this.mine(true));
    byID("stop").addEventListener("click", () => this.job?.stop());
    byID("stranger").addEventListener("change", (event) => {
      bench.stranger = event.target.checked;
      this.changed();
    });
    byID("reset").addEventListener("click", () => {
      bench.reset();
      this.changed(true);
    });
    byID("digits").addEventListener("change", (event) => {
      bench.nonces = bench.nonces.map(() => 0);
      bench.begin({ ...JSON.parse(bench.example.params), difficulty: Number(event.target.value) });
      this.changed(true);
      this.mine(true);
    });
  }

  /** Shows a chain that was changed, whose search is of no use any more. */
  changed(texts = false) {
    this.job?.stop();
    this.bench.rebuild();
    if (texts) {
      this.cards.forEach((card, i) => { card.querySelector("textarea").value = this.bench.texts[i]; });
    }
    this.draw();
  }

  draw() {
    const { bench } = this, broken = bench.firstBroken();
    this.cards.forEach((card, i) => this.drawCard(card, i, broken));
    byID("mineall").disabled = broken < 0 || this.job !== null;
    byID("stop").hidden = this.job === null;
    judge(byID("verdict"), .../** @type {[boolean, string]} */ (bench.verdict()));
    if (bench.held.length > 0) {
      byID("held").textContent = short(byID("held").title = hex(bench.held.at(-1).header.hash));
    }
    this.drawBytes();
  }

  drawCard(card, i, broken) {
    const { blocks, held, net, nonces } = this.bench, { header, messages: [message] } = blocks[i], was = held[i]?.header;
    const work = hasWork(header), good = work && message.signed, digits = net.difficulty;
    showHash(slot(card, "hash"), hex(header.hash), { was: was && hex(was.hash), front: work ? digits : 0 });
    showHash(slot(card, "before"), hex(header.previous), { was: was && hex(was.previous), front: i > 0 && hasWork(blocks[i - 1].header) ? digits : 0 });
    slot(card, "nonce").textContent = String(nonces[i]);
    judge(slot(card, "work"), work, say(work ? "learn.work.good" : "learn.work.bad", digits));
    judge(slot(card, "signature"), message.signed, say(message.signed ? "learn.signature.good" : "learn.signature.bad", message.author.name));
    judge(slot(card, "verdict"), good, say(good ? "learn.ok" : "learn.broken"));
    card.classList.toggle("broken", !good);
    slot(card, "mine").hidden = i !== broken || this.job !== null;
  }

  drawBytes() {
    const { bytes } = this.bench.blocks[this.shown];
    Array.from(byID("bytes").rows).forEach((row, i) => {
      row.cells[2].firstElementChild.textContent = hex(bytes.slice(fieldEnds[i - 1] ?? 0, fieldEnds[i]));
    });
  }

  /** Mines blocks from the first broken one up, one or all of them. */
  async mine(all) {
    const { bench } = this, results = [];
    byID("ledger").replaceChildren();
    byID("minetotal").textContent = byID("mining").textContent = "";
    for (let i = bench.firstBroken(); i >= 0 && (all || results.length === 0); i = bench.firstBroken()) {
      const result = await this.mineOne(i);
      if (result === null) {
        byID("mining").textContent = this.job === null ? say("learn.mine.stopped") : "";
        return;
      }
      results.push(result);
      byID("ledger").append(element("li", say("learn.mine.row", i + 1, number(result.tries), span(result.ms / 1000), number(bench.cost()))));
    }
    this.sum(results);
  }

  /** Says what it cost. */
  sum(results) {
    const { bench } = this, fresh = bench.held.length === 0 && bench.firstBroken() < 0;
    const tries = results.reduce((sum, r) => sum + r.tries, 0), ms = Math.max(1, results.reduce((sum, r) => sum + r.ms, 0));
    const args = [number(tries), span(ms / 1000)];
    if (fresh) {
      bench.keep();
      this.draw();
    }
    byID("mining").textContent = fresh ? say("learn.mine.fresh", bench.net.difficulty, ...args) : say("learn.mine.cost", ...args);
    byID("minetotal").textContent = say("learn.mine.total", span(easiestOfMain * ms / 1000 / Math.max(1, tries)));
  }

  /** Searches the nonce of one block, from 0 up; null: it was stopped. */
  async mineOne(i) {
    const { bench } = this, progress = byID("progress");
    bench.nonces[i] = 0;
    bench.rebuild();
    const own = this.search(bench.blocks[i].bytes, ({ tries, ms }) => {
      progress.value = 1 - Math.exp(-tries / bench.cost()); // the chance to have it by now
      byID("searching").textContent = say("learn.mine.searching", i + 1, number(tries), span(ms / 1000));
    });
    this.job = own;
    byID("search").hidden = false;
    progress.value = 0;
    this.draw();
    const result = await own.found;
    if (result !== null) {
      bench.nonces[i] = result.nonce;
      bench.rebuild();
    }
    if (this.job === own) { // no other search began meanwhile
      this.job = null;
      byID("search").hidden = true;
      byID("searching").textContent = "";
      this.draw();
    }
    return result;
  }
}

export function startEdit(example, authors, search) {
  return new Workshop(new Bench(example, authors), search);
}
