// Notarising a file: it is hashed here and stays here; its hash, name, size and type go to the chain.

import { follow } from "./live.js";
import { hashFile, hex, readDocument, VALUES, writeRecord } from "./receipt.js";
import { count, excerpt, number, say } from "./text.js";

const mediaType = "application/vnd.p2pchain.file+json";
const anyType = "application/octet-stream";

/** Up to this size the browser's own SHA-256 is used, which wants all of a file at once but is faster. */
const mostAtOnce = 32 << 20;

const byID = (id) => document.getElementById(id);
const form = byID("notarise");
const { name: nameField, token } = form.elements;
token.value = sessionStorage.getItem("token") ?? "";

/** What was chosen last: {size, type, digest}; and which choice it was, since reading takes time. */
let chosen = null;
let choice = 0;

/** What was sent: its text and its key, which stay the same until there is an answer; then its id. */
const sent = { body: "", key: "", id: "" };

/** Reads a file and returns the hash of its bytes. */
async function digestOf(file, progress) {
  if (file.size <= mostAtOnce && globalThis.crypto?.subtle !== undefined) { // not on plain http from elsewhere
    return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())));
  }
  return hashFile(file, progress);
}

async function take(files) {
  if (files.length === 0) {
    return;
  }
  const file = files[0];
  const mine = ++choice;
  const bar = byID("progress");
  byID("chosen").hidden = byID("result").hidden = true;
  byID("state").textContent = say("notarise.reading", excerpt(file.name));
  bar.value = 0;
  bar.hidden = false;
  try {
    const digest = await digestOf(file, (percent) => {
      if (mine !== choice) {
        throw new Error("another file was chosen");
      }
      bar.value = percent;
    });
    if (mine !== choice) {
      return; // another one was chosen meanwhile
    }
    chosen = { size: file.size, type: VALUES.media_type(file.type) ? file.type : anyType, digest };
    showChosen(file.name, files.length > 1);
  } catch { // a folder, or it was changed or taken away
    if (mine === choice) {
      byID("state").textContent = say("notarise.unread", excerpt(file.name));
    }
  }
  bar.hidden ||= mine === choice;
}

function showChosen(name, more) {
  byID("state").textContent = say(more ? "notarise.many" : "notarise.read", excerpt(name));
  byID("digest").textContent = chosen.digest;
  byID("size").textContent = say("bytes", number(chosen.size));
  byID("type").textContent = excerpt(chosen.type);
  byID("said").textContent = "";
  nameField.value = name;
  checkName();
  byID("chosen").hidden = false;
  lookUp();
}

/** Says who notarised this content before, by its hash alone. */
async function lookUp() {
  const mine = choice;
  const known = byID("known");
  known.className = "";
  known.textContent = "";
  byID("list").replaceChildren();
  try {
    const response = await fetch(`/api/v1/messages?sha256=${chosen.digest}&limit=20`);
    const { messages, next } = await response.json();
    if (mine !== choice) {
      return;
    }
    const form = messages.length === 1 && !next ? "one" : "many";
    known.textContent = messages.length === 0 ? say("notarise.unknown") : say(`notarise.known.${form}`, number(messages.length) + (next ? "+" : ""));
    known.className = messages.length === 0 ? "" : "verdict good";
    byID("list").append(...messages.map(drawOne));
  } catch {
    known.textContent = say("notarise.unsure");
  }
}

/** A message that notarised the content: under which name, and when. */
function drawOne(message) {
  const item = byID("one").content.cloneNode(true).firstElementChild;
  const link = item.querySelector("a");
  const status = item.querySelector(".badge");
  const time = item.querySelector("time");
  const payload = new TextEncoder().encode(message.message ?? "");
  const name = document.createElement("bdi");
  name.textContent = excerpt(readDocument({ envelope: { mediaType: message.media_type }, payload })?.name ?? message.id);
  link.href = `/ui/messages/${message.id}`;
  link.append(name);
  status.textContent = message.height === undefined ? say("status.waiting") : say("notarise.sealedin", number(message.height));
  status.classList.add(message.height === undefined ? "wait" : "good");
  time.dateTime = message.block_time ?? message.time;
  time.textContent = `${time.dateTime.slice(0, 19).replace("T", " ")} UTC`;
  return item;
}

function checkName() {
  nameField.setCustomValidity(VALUES.name(nameField.value) ? "" : say("notarise.badname"));
}

/** Adds the record. Sent again after a failure, it is not added twice. */
async function add() {
  const record = writeRecord("file", { name: nameField.value, size: chosen.size, media_type: chosen.type, sha256: chosen.digest });
  const body = JSON.stringify({ message: record, media_type: mediaType });
  if (body !== sent.body) {
    Object.assign(sent, { body, key: crypto.getRandomValues(new Uint32Array(4)).join("-") });
  }
  const headers = { "Content-Type": "application/json", "Idempotency-Key": sent.key };
  if (token.value !== "") {
    headers.Authorization = `Bearer ${token.value}`;
    sessionStorage.setItem("token", token.value);
  }
  const response = await fetch("/api/v1/messages", { method: "POST", headers, body });
  const answer = await response.json();
  if (response.status === 401 || response.status === 403) {
    byID("needs-token").hidden = false;
    token.focus();
  }
  if (!response.ok) {
    byID("said").textContent = say("notarise.refused", answer.detail ?? answer.title);
    return;
  }
  Object.assign(sent, { body: "", id: answer.id });
  showAdded(nameField.value);
  await refresh();
}

function showAdded(name) {
  const path = `/api/v1/messages/${sent.id}/proof`;
  Object.assign(byID("receipt"), { href: `${path}?format=html`, download: `${name}.receipt.html` });
  byID("prooffile").href = `${path}?format=json`; // the node names this one
  byID("page").href = `/ui/messages/${sent.id}`;
  byID("added").textContent = say("notarise.added");
  byID("papers").hidden = true;
  showPlace(undefined);
  byID("chosen").hidden = true;
  byID("result").hidden = false;
}

/** Shows in which block the message is, if it is in one. */
function showPlace(height) {
  const sealed = byID("sealed");
  sealed.className = height === undefined ? "now" : "done";
  sealed.textContent = height === undefined ? say("notarise.waits") : say("notarise.sealed", number(height));
  byID("papers").hidden = height === undefined;
}

/** Asks where the message is: events may be missing, or have come before its id was known. */
async function refresh() {
  const { id } = sent;
  if (id === "") {
    return;
  }
  try {
    const response = await fetch(`/api/v1/messages/${id}`);
    const message = await response.json();
    if (response.ok && id === sent.id) {
      showPlace(message.height);
    }
  } catch { // events say it, as soon as the node is there again
  }
}

function listen() {
  const zone = byID("zone");
  const field = byID("file");
  zone.hidden = false;
  field.addEventListener("change", () => {
    take(Array.from(field.files));
    field.value = ""; // so that the same file can be chosen again
  });
  nameField.addEventListener("input", checkName);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    byID("said").textContent = "";
    try {
      await add();
    } catch {
      byID("said").textContent = say("notarise.unreachable");
    } finally {
      button.disabled = false;
    }
  });
  const over = (event) => {
    if (!event.dataTransfer.types.includes("Files")) {
      return;
    }
    event.preventDefault(); // else the browser would leave the page and show the file
    zone.classList.toggle("over", event.type === "dragover");
  };
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", over);
  document.addEventListener("drop", (event) => {
    over(event);
    take(Array.from(event.dataTransfer.files));
  });
  follow({
    hello: refresh,
    reset: refresh,
    reorg: refresh,
    confirmed: (confirmed) => confirmed.id === sent.id && showPlace(confirmed.height),
  }, { once: true });
}

listen();
