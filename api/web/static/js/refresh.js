// Parts of a page that are read anew when something happened: the server renders them, as it did the first time.

import { awake } from "./live.js";
import { putIntoWords } from "./times.js";

/** Between two requests of a page. Whoever watches a busy node should not keep it busy. */
const gapMs = 1000;

/**
 * Returns a function that reads parts of the page anew: at once where the last time is long ago, else as soon
 * as it may. A part is what is in an element with an id, and whether that is hidden.
 *
 * @param {Element[]} parts
 * @param {number} gap least time between two requests, in milliseconds
 * @returns {function(): void}
 */
export function refresher(parts, gap = gapMs) {
  const shown = new Map(parts.map((part) => [part.id, part.innerHTML]));
  let last = -Infinity;
  let timer = 0;
  let busy = false;
  let again = false;

  const swap = (part, fresh) => {
    if (!fresh || shown.get(part.id) === fresh.innerHTML) {
      return;
    }
    if (isSelected(part)) {
      again = true; // somebody is about to copy it
      return;
    }
    shown.set(part.id, fresh.innerHTML);
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    part.replaceChildren(...fresh.childNodes);
    part.hidden = fresh.hidden;
    putIntoWords(part);
    if (focused) {
      part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
  };
  const read = async () => {
    busy = true;
    again = false;
    last = performance.now();
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (response.status === 401) {
        location.reload(); // whoever it is has to sign in again
        return;
      }
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        parts.forEach((part) => swap(part, page.getElementById(part.id)));
      }
    } catch {
      // The node is away; what follows its events comes back when it does.
    } finally {
      busy = false;
      if (again) {
        soon();
      }
    }
  };
  const soon = () => {
    if (busy) {
      again = true;
      return;
    }
    if (timer === 0) {
      timer = setTimeout(() => {
        timer = 0;
        if (awake()) {
          read();
        }
      }, Math.max(0, last + gap - performance.now()));
    }
  };
  return soon;
}

/** Reports whether something that is selected is in an element. */
function isSelected(element) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
}
