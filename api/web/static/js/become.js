// Makes a part of the page like a fresh one from the server, and leaves alone what is like it already: what has the
// focus, what somebody is about to copy, how far a list is scrolled, what is moving.

import { putIntoWords } from "./times.js";

/**
 * @param {Element} part of the page
 * @param {Element} fresh what it is to be; some of it moves into the page
 */
export function become(part, fresh) {
  change(part, fresh);
  putIntoWords(part);
}

function change(old, fresh) {
  if (old.isEqualNode(fresh) || (old.localName === "time" && old.dateTime === fresh.dateTime)) {
    return; // a time is in words here
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of Array.from(old.attributes)) {
    if (!fresh.hasAttribute(name)) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
    }
  }
  changeChildren(old, fresh);
}

/** What a line, a row or a card is about; lists are changed line by line. */
const idOf = (node) => node?.dataset?.id;

function changeChildren(old, fresh) {
  const wanted = new Set(Array.from(fresh.children, idOf));
  const known = new Map();
  for (const child of Array.from(old.children)) {
    const id = idOf(child);
    if (id && wanted.has(id)) {
      known.set(id, child);
    } else if (id) {
      child.remove();
    }
  }
  let at = old.firstChild;
  for (const want of Array.from(fresh.childNodes)) {
    const id = idOf(want);
    const have = id ? known.get(id) : alike(at, want) && at;
    known.delete(id);
    if (!have) {
      old.insertBefore(want, at);
      continue;
    }
    at = id ? skipTo(have, at) : at;
    if (have === at) {
      at = at.nextSibling;
    } else {
      old.insertBefore(have, at);
    }
    change(have, want);
  }
  while (at) {
    at = drop(at);
  }
}

/** Removes what is between lines in front of one of them, so that it can stay where it is. */
function skipTo(have, at) {
  while (at && at !== have && !idOf(at)) {
    at = drop(at);
  }
  return at;
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

const alike = (node, want) => node !== null && node.nodeName === want.nodeName && node.id === want.id && !idOf(node);
