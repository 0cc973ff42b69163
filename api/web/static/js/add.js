// The form that adds a message.

import { say } from "./text.js";

const form = document.getElementById("add");
const said = document.getElementById("added");
const token = form.elements.token;
token.value = sessionStorage.getItem("token") ?? "";
form.hidden = false;

/** The key of a request stays the same until it has an answer: sent twice, it adds one message. */
let key = crypto.getRandomValues(new Uint32Array(4)).join("-");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  said.textContent = "";
  try {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
    if (token.value !== "") {
      headers.Authorization = `Bearer ${token.value}`;
      sessionStorage.setItem("token", token.value);
    }
    const response = await fetch("/api/v1/messages", { method: "POST", headers, body: JSON.stringify({ message: form.elements.message.value }) });
    const answer = await response.json();
    if (response.status === 401 || response.status === 403) {
      form.querySelector(".needs-token").hidden = false;
      token.focus();
    }
    if (!response.ok) {
      said.textContent = say("add.refused", answer.detail ?? answer.title);
      return;
    }
    key = crypto.getRandomValues(new Uint32Array(4)).join("-");
    form.elements.message.value = "";
    const link = document.createElement("a");
    link.href = `/ui/messages/${answer.id}`;
    link.textContent = say("add.added");
    said.replaceChildren(link);
  } catch {
    said.textContent = say("add.unreachable");
  } finally {
    button.disabled = false;
  }
});
