// The overview, as things happen: what waits, new blocks and mining are shown ahead of what the server says of them.

import { keepUp } from "./refresh.js";
import { count, excerpt, number, rate, say, short } from "./text.js";
import { putIntoWords } from "./times.js";

const mostBlocks = 12;
const mostLines = 12;
const gapMs = 2000;

const byID = (id) => document.getElementById(id);
const row = byID("blocks");
const next = byID("next");
const lines = byID("waitinglines");
const moves = matchMedia("(prefers-reduced-motion: no-preference)");

const withID = (list, id) => list.querySelector(`[data-id="${id}"]`);

function showWaiting(waiting) {
  byID("waiting").textContent = number(waiting);
  byID("nextcount").textContent = count("overview.waiting", waiting);
  next.hidden = waiting === 0;
  byID("waitingsection").hidden = waiting === 0;
}

/** Puts a message on top of the latest that wait. */
function showMessage(message) {
  showWaiting(message.waiting);
  if (withID(lines, message.id)) {
    return;
  }
  const line = byID("line").content.cloneNode(true).firstElementChild;
  line.dataset.id = message.id;
  const link = line.querySelector("a");
  link.href = `/ui/messages/${message.id}`;
  link.firstElementChild.replaceChildren(...payload(message));
  lines.prepend(line);
  while (lines.children.length > mostLines) {
    lines.lastElementChild.remove();
  }
}

/** Puts a block that follows the latest one into the row, which keeps its length. */
function showBlock(block) {
  byID("height").textContent = number(block.height);
  if (next.nextElementSibling?.dataset.id !== block.previous_hash) {
    return;
  }
  const card = byID("card").content.cloneNode(true).firstElementChild;
  card.dataset.id = block.hash;
  fill(card, {
    height: `#${number(block.height)}`,
    count: count("block.count", block.message_count),
    hash: short(block.hash),
    previous: short(block.previous_hash),
  });
  card.querySelector("a").href = `/ui/blocks/${block.hash}`;
  card.querySelector("[data-slot=hash]").title = block.hash;
  card.querySelector("[data-slot=previous]").title = block.previous_hash;
  const time = card.querySelector("time");
  time.dateTime = block.time;
  time.textContent = `${block.time.slice(0, 19).replace("T", " ")} UTC`;
  putIntoWords(card);
  next.after(card);
  if (moves.matches) {
    card.animate([{ opacity: 0, transform: "translateX(-2rem)" }, {}], { duration: 500, easing: "ease-out" });
  }
  while (row.children.length > mostBlocks + 1) {
    row.lastElementChild.remove();
  }
}

/** What programs write down about files, folders, commits and logs, and the part of it that names one. */
const record = /^application\/vnd\.p2pchain\.(file|manifest|commit|anchor|erase)\b/;
const names = { file: "name", manifest: "name", commit: "repository", anchor: "log" };

/** Returns what is shown of a message's payload. */
function payload(message) {
  const kind = record.exec(message.media_type)?.[1];
  if (kind) {
    return [element("span", "kind", say(`record.${kind}`)), " ", element("bdi", "", excerpt(nameIn(message.message, names[kind])))];
  }
  if (typeof message.message !== "string" || message.truncated) {
    return [element("span", "faint", say("payload.size", number(message.size)))];
  }
  const text = excerpt(message.message);
  return [text === "" ? element("span", "faint", say("payload.empty")) : element("bdi", "", text)];
}

function element(name, kind, text) {
  const e = document.createElement(name);
  e.textContent = text;
  if (kind !== "") {
    e.className = kind;
  }
  return e;
}

/** Returns a member of a JSON object, "" unless it is a text. */
function nameIn(json, member) {
  try {
    const name = JSON.parse(json)[member];
    return typeof name === "string" ? name : "";
  } catch {
    return ""; // it was cut off, or is no record after all
  }
}

function fill(root, values) {
  for (const [name, text] of Object.entries(values)) {
    root.querySelector(`[data-slot=${name}]`).textContent = text;
  }
}

keepUp({
  message: showMessage,
  confirmed(confirmed) {
    showWaiting(confirmed.waiting);
    withID(lines, confirmed.id)?.remove();
  },
  block: showBlock,
  mining(mining) {
    byID("rate").textContent = mining.working ? rate(mining.hash_rate) : say("figure.idle");
    byID("nextstate").textContent = say(mining.working ? "overview.mining" : "overview.notmining");
  },
}, gapMs);
