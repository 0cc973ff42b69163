// Pages whose parts say themselves what they depend on: data-live names types of events, data-every seconds
// after which to look in any case, for what no event tells of.

import { awake, follow } from "./live.js";
import { refresher } from "./refresh.js";

const parts = Array.from(document.querySelectorAll("[data-live]"));

if (parts.length > 0) {
  const refresh = refresher(parts);
  let first = true;
  const handlers = {
    reset: refresh,
    hello() {
      if (!first) {
        refresh(); // the page was hidden, or the node away
      }
      first = false;
    },
  };
  for (const type of parts.flatMap((part) => part.dataset.live.split(","))) {
    handlers[type] = refresh;
  }
  follow(handlers);

  const seconds = Math.min(...parts.map((part) => Number(part.dataset.every ?? Infinity)));
  if (Number.isFinite(seconds)) {
    setInterval(() => awake() && refresh(), 1000 * seconds);
  }
}
