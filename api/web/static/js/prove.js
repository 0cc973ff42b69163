// The proof of a message, checked here step by step: nothing that the node says about it is believed.

import { follow } from "./live.js";
import { contradictions } from "./prove-page.js";
import { rowsOf } from "./prove-values.js";
import { alter, canAlter } from "./prove-alter.js";
import { check } from "./receipt.js";
import { say } from "./text.js";

/** What a step's state looks like beside its words. */
const signs = { passed: "✓", failed: "✗", absent: "–", open: "·" };
const badges = { passed: "good", failed: "bad", absent: "faint", open: "faint" };

/** Where there is room, values are shown without being asked for. */
const wide = matchMedia("(min-width: 40rem)");

const byID = (id) => document.getElementById(id);
const faults = JSON.parse(byID("faults").textContent);
const place = byID("proof");
const id = place.dataset.id;

/** What the page shows; what strangers choose is in no attribute. A type that a proof can have is shown as it is. */
const page = { ...place.dataset, type: byID("shown-type").textContent, content: byID("shown-content")?.textContent };

/** Judges a proof, and the page by it. */
function judge(bytes) {
  const result = check(bytes);
  result.reason = result.fault === null ? "" : faults[result.fault];
  for (const [step, reason] of Array.from(contradictions(result, page)).reverse()) {
    Object.assign(step, { state: "failed", reason });
    result.reason = reason;
  }
  return result;
}

/** Shows a proof: the verdict, and each step with what was computed. */
function show(bytes, altered = "") {
  const result = judge(bytes);
  const good = result.reason === "";
  const verdict = byID("verdict");
  verdict.className = `verdict ${good ? "good" : "bad"}`;
  const bad = result.fault === null ? "prove.page" : "prove.bad";
  verdict.textContent = good ? say("prove.good") : say(altered === "" ? bad : "prove.altered", result.reason);
  byID("steps").replaceChildren(...result.steps.map((step) => draw(step, result)));
}

function draw(step, result) {
  const item = byID("step").content.cloneNode(true).firstElementChild;
  const slot = (name) => item.querySelector(`[data-slot=${name}]`);
  item.classList.add(step.state);
  item.dataset.step = step.name;
  item.querySelector(".sign").textContent = signs[step.state];
  slot("title").textContent = say(`step.${step.name}`);
  slot("state").textContent = say(`state.${step.state}`);
  slot("state").classList.add(badges[step.state]);
  slot("says").textContent = say(`step.${step.name}.says`);
  if (step.state === "failed") {
    const why = document.createElement("p");
    why.className = "why";
    why.textContent = step.reason ?? result.reason;
    slot("says").after(why);
  }
  const rows = step.state === "passed" || step.state === "failed" ? rowsOf(step.name, result, id) : [];
  const values = item.querySelector("details");
  values.hidden = rows.length === 0;
  values.open = step.state === "failed" || wide.matches;
  values.querySelector("dl").append(...rows.map(drawRow));
  return item;
}

/** @param {import("./prove-values.js").Row} row */
function drawRow({ key, text = "", hash = "", like, way = [] }) {
  const line = document.createElement("div");
  const name = document.createElement("dt");
  const value = document.createElement("dd");
  name.textContent = say(key);
  if (hash !== "") {
    const code = document.createElement("code");
    code.textContent = hash;
    value.append(code);
  }
  if (text !== "") {
    const words = document.createElement("bdi");
    words.textContent = text;
    value.append(words);
  }
  if (like !== undefined) {
    const sign = document.createElement("span");
    sign.className = like ? "same" : "differs";
    sign.textContent = say(like ? "prove.same" : "prove.differs");
    value.append(" ", sign);
  }
  if (way.length > 0) {
    value.append(drawWay(way));
  }
  line.append(name, value);
  return line;
}

/** The hashes on the way from a leaf to a root. */
function drawWay(way) {
  const list = document.createElement("ol");
  list.className = "way";
  for (const { sibling, node } of way) {
    const item = document.createElement("li");
    const code = document.createElement("code");
    code.textContent = node;
    item.append(say("value.node", sibling), " ", code);
    list.append(item);
  }
  return list;
}

/** Offers to change one byte, and shows what comes of it. */
function offerChanges(bytes) {
  const buttons = Array.from(byID("alter").querySelectorAll("button"));
  const undo = buttons.at(-1);
  for (const button of buttons) {
    const { part } = button.dataset;
    button.hidden = part === "" || !canAlter(bytes, part);
    button.addEventListener("click", () => {
      show(part === "" ? bytes : alter(bytes, part), part);
      for (const other of buttons.slice(0, -1)) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      undo.hidden = part === "";
    });
  }
  byID("alter").hidden = false;
}

async function prove() {
  place.hidden = false;
  const verdict = byID("verdict");
  verdict.textContent = say("prove.working");
  let bytes;
  try {
    const response = await fetch(`/api/v1/messages/${id}/proof?format=json`);
    if (!response.ok) {
      const problem = await response.json();
      verdict.textContent = say("prove.refused", problem.detail ?? problem.title);
      return;
    }
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch {
    verdict.textContent = say("prove.unreachable");
    return;
  }
  show(bytes);
  if (byID("verdict").classList.contains("good")) {
    offerChanges(bytes);
  }
}

if (place.dataset.waits === undefined) {
  prove();
} else {
  const look = async () => {
    try {
      const response = await fetch(`/api/v1/messages/${id}`);
      if (response.ok && (await response.json()).height !== undefined) {
        location.reload();
      }
    } catch {
      // The node is away; what follows its events comes back when it does.
    }
  };
  follow({
    hello: look, // it may be confirmed since the page was made, or while it was hidden
    confirmed: (confirmed) => confirmed.id === id && location.reload(),
    reset: () => location.reload(),
  }, { once: true });
}
