// The page of the demo: it shows the latest state of all nodes, and sends orders.

import { drawGraph } from "./demograph.js";
import { Branches } from "./demotree.js";
import { eachFrame, showLive, whileAwake } from "./live.js";
import { number, rate, say, short } from "./text.js";

/**
 * A node of the demo.
 *
 * @typedef {object} Member
 * @property {number} number from 1
 * @property {number} side of the cut: 0 or 1
 * @property {"starting"|"running"|"stopping"|"stopped"|"damaging"|"failed"} phase
 * @property {string} [error]
 * @property {string} [url] of its pages, while it runs
 * @property {string} tip
 * @property {number} height
 * @property {number} waiting
 * @property {number[]} peers
 * @property {number} hash_rate
 * @property {number} share in percent
 * @property {number} sealed
 * @property {{reverted: number, applied: number, returned: number}} [reorg]
 * @property {{kind: string, args: string[]}[]} steps
 */

/**
 * What the demo says of itself; package cmd/internal/demo has more words for it.
 *
 * @typedef {object} State
 * @property {boolean} cut
 * @property {number} boss
 * @property {number} per_second
 * @property {number} tips
 * @property {Member[]} members
 * @property {{hash: string, previous: string, height: number, messages: number, best: boolean}[]} blocks
 */

const retryMs = 2000;
const byID = (id) => document.getElementById(id);
const branches = new Branches(byID("tree"), byID("treescroll"));

/** @type {State} */
let state = JSON.parse(byID("state").textContent);

const draw = eachFrame(() => {
  branches.draw(state);
  drawGraph(byID("graph"), state, branches);
  drawSwitches();
  state.members.forEach(drawMember);
});

function drawSwitches() {
  byID("cut").textContent = say(state.cut ? "demo.heal" : "demo.cut");
  byID("even").disabled = state.boss === 0;
  for (const choice of byID("stream").querySelectorAll("input")) {
    choice.checked = Number(choice.value) === state.per_second;
  }
  const running = state.members.filter((m) => m.url);
  let [kind, words] = ["wait", say("demo.verdict.differ", state.tips)];
  if (state.cut) {
    words = say("demo.verdict.cut");
  } else if (running.length === 0 || state.tips === 0) {
    words = say("demo.verdict.start");
  } else if (state.tips === 1) {
    [kind, words] = ["good", say("demo.verdict.agree", number(Math.max(...running.map((m) => m.height))))];
  }
  const verdict = byID("verdict");
  verdict.className = `health ${kind}`;
  setText(verdict.lastElementChild, words);
}

/** @param {Member} m */
function drawMember(m) {
  const card = byID("members").querySelector(`[data-number="${m.number}"]`);
  const slot = (name) => card.querySelector(`[data-slot=${name}]`);
  card.className = `member ${m.phase} ${m.url ? branches.colour(m.tip) : ""}`;
  setText(slot("phase"), say(`demo.phase.${m.phase}`));
  setText(slot("height"), `#${number(m.height)}`);
  setText(slot("tip"), short(m.tip));
  slot("tip").title = m.tip;
  setText(slot("share"), `${m.share} %`);
  setText(slot("rate"), rate(m.hash_rate));
  setText(slot("waiting"), number(m.waiting));
  setText(slot("peers"), m.peers.join(", ") || "–");
  setText(slot("sealed"), number(m.sealed));
  slot("reorg").hidden = !m.reorg;
  if (m.reorg) {
    setText(slot("reorg"), say("demo.reorg", number(m.reorg.reverted), number(m.reorg.applied), number(m.reorg.returned)));
  }
  slot("error").hidden = !m.error;
  setText(slot("error").firstElementChild, m.error ?? "");
  card.querySelector(".pages").hidden = !m.url;
  for (const link of card.querySelectorAll("[data-page]")) {
    link.href = m.url ? m.url + link.dataset.page : "";
  }
  drawOrders(card, m);
  drawSteps(byID("damages").querySelector(`[data-damage="${m.number}"]`), m.steps ?? []);
}

function drawOrders(card, m) {
  const order = (name) => card.querySelector(`[data-order=${name}]`);
  card.querySelector(".orders").hidden = false;
  const starts = m.phase === "stopped" || m.phase === "failed";
  setText(order("life"), say(starts ? "demo.do.start" : "demo.do.stop"));
  order("life").disabled = !starts && m.phase !== "running";
  order("power").setAttribute("aria-pressed", String(state.boss === m.number));
  order("damage").disabled = m.phase !== "running" && m.phase !== "stopped";
}

function drawSteps(section, steps) {
  const list = section.querySelector("ol");
  section.hidden = steps.length === 0;
  while (list.children.length > steps.length) {
    list.lastElementChild.remove();
  }
  steps.forEach((step, i) => {
    const line = list.children[i] ?? list.appendChild(document.createElement("li"));
    setText(line, say(`demo.step.${step.kind}`, ...(step.args ?? [])));
  });
}

/** Changes a text only where it is another one, so that nothing is announced or selected anew. */
function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Sends an order, and says so where it is refused. */
async function order(path, body) {
  const said = byID("said");
  said.textContent = "";
  try {
    const response = await fetch(`/demo/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body ?? {}),
    });
    if (!response.ok) {
      said.textContent = say("demo.refused", (await response.json()).detail);
    }
  } catch {
    said.textContent = say("demo.ended");
  }
}

/** Follows the states of the demo while the page is looked at. */
function follow() {
  const connected = showLive();
  let source = null;
  let retry = 0;
  const close = () => {
    clearTimeout(retry);
    source?.close();
  };
  const open = () => {
    close();
    source = new EventSource("/demo/events");
    source.addEventListener("state", (event) => {
      state = JSON.parse(event.data) ?? state;
      draw();
    });
    source.onopen = () => {
      byID("said").textContent = "";
      connected(true);
    };
    source.onerror = () => {
      connected(false);
      byID("said").textContent = say("demo.ended");
      close();
      retry = setTimeout(open, retryMs);
    };
  };
  whileAwake(open, close);
}

byID("switches").hidden = false;
byID("cut").addEventListener("click", () => order("cut", { cut: !state.cut }));
byID("even").addEventListener("click", () => order("power", { node: 0 }));
byID("stream").addEventListener("change", (event) => order("stream", { per_second: Number(event.target.value) }));
byID("members").addEventListener("click", (event) => {
  const button = event.target.closest("[data-order]");
  if (!button) {
    return;
  }
  const m = state.members[Number(button.closest("[data-number]").dataset.number) - 1];
  switch (button.dataset.order) {
    case "power":
      return order("power", { node: state.boss === m.number ? 0 : m.number });
    case "damage":
      return order(`nodes/${m.number}/damage`);
    default:
      return order(`nodes/${m.number}/${m.phase === "running" ? "stop" : "start"}`);
  }
});
draw();
follow();
