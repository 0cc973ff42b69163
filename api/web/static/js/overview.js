// The overview, as things happen.

import { eachFrame, follow } from "./live.js";
import { refresher } from "./refresh.js";
import { count, excerpt, number, rate, say, short } from "./text.js";
import { putIntoWords } from "./times.js";

const mostBlocks = 12;
const mostLines = 12;

const byID = (id) => document.getElementById(id);
const row = byID("blocks");
const next = byID("next");
const lines = byID("waitinglines");
const state = { height: null, waiting: 0, peers: null, mining: null, arrived: [], gone: new Set(), blocks: [] };

/** What the server puts into words, or into a table, it does again. */
const refreshLatest = refresher([byID("latest")], 2000);
const refreshLines = refresher([byID("waitinglines")], 2000);
const refreshHealth = refresher([byID("health")], 2000);

const draw = eachFrame(() => {
  byID("waiting").textContent = number(Math.max(0, state.waiting));
  if (state.height !== null) {
    byID("height").textContent = number(state.height);
  }
  if (state.peers !== null) {
    byID("peers").textContent = number(state.peers);
  }
  if (state.mining !== null) {
    byID("rate").textContent = state.mining.working ? rate(state.mining.hash_rate) : say("figure.idle");
    byID("nextstate").textContent = say(state.mining.working ? "overview.mining" : "overview.notmining");
  }
  next.hidden = state.waiting <= 0;
  byID("nextcount").textContent = count("overview.waiting", Math.max(0, state.waiting));
  drawBlocks();
  drawLines();
});

/** Puts new blocks into the row, which keeps its length. */
function drawBlocks() {
  for (const block of state.blocks.splice(0).slice(-mostBlocks)) {
    const card = byID("card").content.cloneNode(true).firstElementChild;
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
    time.textContent = time.title = `${block.time.slice(0, 19).replace("T", " ")} UTC`;
    card.classList.add("new");
    next.after(card);
    byID("empty")?.remove();
  }
  while (row.querySelectorAll(".card:not(.waits)").length > mostBlocks) {
    row.lastElementChild.remove();
  }
  putIntoWords(row);
}

/** Shows the latest of the messages that wait. */
function drawLines() {
  for (const line of Array.from(lines.children)) {
    if (state.gone.has(line.dataset.id)) {
      line.remove();
    }
  }
  for (const message of state.arrived.splice(0).slice(-mostLines)) {
    if (state.gone.has(message.id)) {
      continue;
    }
    const line = byID("line").content.cloneNode(true).firstElementChild;
    line.dataset.id = message.id;
    const link = line.querySelector("a");
    link.href = `/ui/messages/${message.id}`;
    link.querySelector("bdi").textContent = textOf(message);
    lines.prepend(line);
  }
  state.gone.clear();
  while (lines.children.length > mostLines) {
    lines.lastElementChild.remove();
  }
  byID("waitingsection").hidden = lines.children.length === 0 && state.waiting <= 0;
}

/** What programs write down about files, folders, commits and logs, and the part of it that names one. */
const record = /^application\/vnd\.p2pchain\.(file|manifest|commit|anchor|erase)\b/;
const names = { file: "name", manifest: "name", commit: "repository", anchor: "log" };

function textOf(message) {
  const kind = record.exec(message.media_type)?.[1];
  if (kind) {
    return [say(`record.${kind}`), excerpt(nameIn(message.message, names[kind]))].filter(Boolean).join(" · ");
  }
  if (typeof message.message === "string" && !message.truncated) {
    return excerpt(message.message) || say("payload.empty");
  }
  return say("payload.size", number(message.size));
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

follow({
  hello(hello) {
    if (state.height !== null) { // the page was hidden, or the node away
      refreshLatest();
      refreshHealth();
    }
    if (lines.children.length < Math.min(hello.mempool.count, mostLines)) { // some came before the stream did
      refreshLines();
    }
    Object.assign(state, { height: hello.tip.height, waiting: hello.mempool.count, peers: hello.peers, mining: hello.mining });
    draw();
  },
  message(message) {
    state.waiting++;
    state.arrived.push(message);
    if (state.arrived.length > 4 * mostLines) {
      state.arrived.splice(0, state.arrived.length - mostLines);
    }
    draw();
  },
  confirmed(confirmed) {
    state.waiting--;
    state.gone.add(confirmed.id);
    draw();
  },
  block(block) {
    state.height = block.height;
    state.blocks.push(block);
    refreshLatest();
    draw();
  },
  mining(mining) {
    state.mining = mining;
    draw();
  },
  peer(event) {
    state.peers = Math.max(0, (state.peers ?? 0) + (event.change === "connected" ? 1 : -1));
    draw();
    refreshHealth();
  },
  sync: refreshHealth,
  erased: refreshLatest,
  reorg: () => location.reload(),
  reset: () => location.reload(),
});
