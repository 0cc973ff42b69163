// Edit a block and see all after it break; mine it again and see what that costs.
// @ts-check

import { better, child, compose, genesisOf, hasWork, networkOf } from "./learnchain.js";
import { byID, element, judge, showHash, slot, span } from "./learnview.js";
import { hex, unhex, workOf, expand } from "./receipt.js";
import { number, say, short } from "./text.js";

/** Offsets at which the fields of a header end. */
const fieldEnds = [4, 8, 16, 48, 80, 112, 128, 136, 140, 144, 152];

export function startEdit(example, authors, search) {
  const cards = Array.from(byID("links").querySelectorAll("[data-height]"));
  const stories = example.blocks.map((b) => b.text);
  let net = networkOf(JSON.parse(example.params));
  let nonces = example.blocks.map((b) => b.nonce);
  let texts = stories.slice();
  let signed = []; // the messages that everybody has
  let drafts = []; // those that were written here
  let held = []; // the blocks that everybody has
  let blocks = [];
  let shown = 0; // the block whose bytes are in the table
  let job = null; // the search that runs
  let ledger = [];

  /** Returns the message of a block: signed by its author or, where a stranger wrote it, with the old signature. */
  function messageOf(i) {
    const b = example.blocks[i], author = authors[b.author];
    const original = signed[i];
    if (original?.text === texts[i]) {
      return original;
    }
    const signature = byID("stranger").checked && original ? original.signature : null;
    if (drafts[i]?.text !== texts[i] || drafts[i].signed !== (signature === null)) {
      drafts[i] = compose(net, author, { time: b.time, salt: unhex(b.salt), text: texts[i] }, signature);
    }
    return drafts[i];
  }

  /** Builds the chain from the texts and nonces as they are. */
  function build() {
    let parent = genesisOf(net);
    return example.blocks.map((b, i) => (parent = child(net, parent, [messageOf(i)], { time: b.time, nonce: nonces[i] })));
  }

  const firstBroken = () => blocks.findIndex((b) => !hasWork(b.header));

  function draw() {
    const digits = net.difficulty, broken = firstBroken();
    cards.forEach((card, i) => {
      const { header, messages } = blocks[i], was = held[i]?.header;
      const work = hasWork(header), message = messages[0];
      showHash(slot(card, "hash"), hex(header.hash), { was: was && hex(was.hash), front: work ? digits : 0 });
      showHash(slot(card, "before"), hex(header.previous), { was: was && hex(was.previous), front: i > 0 && hasWork(blocks[i - 1].header) ? digits : 0 });
      slot(card, "nonce").textContent = String(nonces[i]);
      judge(slot(card, "work"), work, say(work ? "learn.work.good" : "learn.work.bad", digits));
      judge(slot(card, "signature"), message.signed, say(message.signed ? "learn.signature.good" : "learn.signature.bad", message.author.name));
      judge(slot(card, "verdict"), work && message.signed, say(work && message.signed ? "learn.ok" : "learn.broken"));
      card.classList.toggle("broken", !work || !message.signed);
      slot(card, "mine").hidden = i !== broken || job !== null;
    });
    byID("mineall").disabled = broken < 0 || job !== null;
    byID("stop").hidden = job === null;
    drawVerdict(broken);
    drawBytes();
  }

  function drawVerdict(broken) {
    const tip = blocks.at(-1).header, same = held.length > 0 && hex(tip.hash) === hex(held.at(-1).header.hash);
    const forged = blocks.findIndex((b) => !b.messages[0].signed);
    if (broken >= 0) {
      judge(byID("verdict"), false, say("learn.verdict.broken", broken + 1, number(Number(costOf()) * blocks.filter((b) => !hasWork(b.header)).length)));
    } else if (forged >= 0) {
      judge(byID("verdict"), false, say("learn.verdict.forged", forged + 1, blocks[forged].messages[0].author.name));
    } else {
      judge(byID("verdict"), same, say(same || held.length === 0 ? "learn.verdict.whole" : better(tip, held.at(-1).header) ? "learn.verdict.lucky" : "learn.verdict.other"));
    }
    if (held.length > 0) {
      byID("held").textContent = short(byID("held").title = hex(held.at(-1).header.hash));
    }
  }

  function drawBytes() {
    const bytes = blocks[shown].bytes;
    Array.from(byID("bytes").rows).forEach((row, i) => {
      const field = hex(bytes.slice(i === 0 ? 0 : fieldEnds[i - 1], fieldEnds[i]));
      row.cells[2].firstElementChild.textContent = field;
    });
  }

  const costOf = () => workOf(expand(net.genesis.bits));

  function rebuild() {
    blocks = build();
    draw();
  }

  /** Mines blocks from the first broken one up, one or all of them. */
  async function mine(all) {
    ledger = [];
    byID("ledger").replaceChildren();
    byID("minetotal").textContent = byID("mining").textContent = "";
    for (let i = firstBroken(); i >= 0; i = firstBroken()) {
      const result = await mineOne(i);
      if (result === null) {
        if (job === null) {
          byID("mining").textContent = say("learn.mine.stopped");
        }
        return false;
      }
      nonces[i] = result.nonce;
      rebuild();
      ledger.push(result);
      byID("ledger").append(element("li", say("learn.mine.row", i + 1, number(result.tries), span(result.ms / 1000), number(Number(costOf())))));
      if (!all) {
        break;
      }
    }
    const tries = ledger.reduce((sum, r) => sum + r.tries, 0), ms = ledger.reduce((sum, r) => sum + r.ms, 0);
    byID("mining").textContent = say("learn.mine.cost", number(tries), span(ms / 1000));
    const perSecond = tries / Math.max(ms, 1) * 1000;
    byID("minetotal").textContent = say("learn.mine.total", span(2 ** 24 / Math.max(perSecond, 1)));
    if (held.length === 0 && firstBroken() < 0) {
      keep();
      byID("mining").textContent = say("learn.mine.fresh", net.difficulty, number(tries), span(ms / 1000));
    }
    return true;
  }

  async function mineOne(i) {
    nonces[i] = 0;
    blocks = build();
    const progress = byID("progress"), expected = Number(costOf());
    const own = search(blocks[i].bytes, ({ tries, ms }) => {
      progress.value = 1 - Math.exp(-tries / expected); // the chance to have it by now
      byID("searching").textContent = say("learn.mine.searching", i + 1, number(tries), span(ms / 1000));
    });
    job = own;
    byID("search").hidden = false;
    progress.value = 0;
    draw();
    const result = await own.found;
    if (job === own) {
      job = null;
      byID("search").hidden = true;
      byID("searching").textContent = "";
      draw();
    }
    return result;
  }

  /** Makes a new network, whose every block is to be mined. */
  function change(digits) {
    job?.stop();
    net = networkOf({ ...JSON.parse(example.params), difficulty: digits });
    texts = stories.slice();
    cards.forEach((card, i) => { card.querySelector("textarea").value = stories[i]; });
    nonces = nonces.map(() => 0);
    [signed, drafts, held] = [[], [], []];
    rebuild();
    mine(true);
  }

  /** From now on, everybody holds the chain as it is. */
  function keep() {
    held = blocks;
    signed = blocks.map((b) => b.messages[0]);
    draw();
  }

  cards.forEach((card, i) => {
    const field = card.querySelector("textarea");
    field.value = stories[i]; // some browsers keep what was written before the page was loaded again
    field.readOnly = false;
    field.addEventListener("input", () => {
      job?.stop();
      texts[i] = field.value;
      shown = i;
      rebuild();
    });
    field.addEventListener("focus", () => {
      shown = i;
      drawBytes();
    });
    slot(card, "mine").addEventListener("click", () => mine(false));
  });
  byID("mineall").addEventListener("click", () => mine(true));
  byID("stop").addEventListener("click", () => job?.stop());
  byID("stranger").addEventListener("change", rebuild);
  byID("digits").addEventListener("change", (event) => change(Number(event.target.value)));
  byID("reset").addEventListener("click", () => {
    job?.stop();
    texts = stories.slice();
    cards.forEach((card, i) => { card.querySelector("textarea").value = stories[i]; });
    nonces = held.length > 0 ? held.map((b) => Number(b.header.nonce)) : nonces;
    rebuild();
  });
  byID("stranger").checked = false;
  byID("digits").value = String(net.difficulty);
  blocks = build();
  keep();
}
