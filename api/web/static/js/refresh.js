// A page that shows what the server would show now. Parts say in data-live on which types of events they depend, and
// in data-every after how many seconds to look in any case, for what no event tells of. Whenever such a thing happens,
// the page is read anew, and its parts become what the server says. So it does not matter what was missed, or came
// twice: the last reading begins after the last thing that happened. What a page shows ahead of that is a guess.

import { become } from "./become.js";
import { eachFrame, follow } from "./live.js";

/** Between two readings of a page. Whoever watches a busy node should not keep it busy. */
const usualGapMs = 1000;

/** For an answer. */
const patienceMs = 15_000;

/** How many events are kept, to be shown ahead of a reading. */
const mostTold = 1000;

const eventOf = (root) => root.getElementById("main").dataset.event;

class Mirror {
  #parts;
  #ahead;
  #gap;
  /** The last event of which everything is shown. */
  #event = eventOf(document);
  /** Whether something happened since the last reading began. */
  #stale = false;
  #listens = false;
  #reading = false;
  #last = -Infinity;
  #timer = 0;
  /** What was told since the last reading began, and how much of it is drawn. */
  #told = [];
  #drawn = 0;
  #drawSoon = eachFrame(() => this.#draw());

  constructor(parts, ahead, gap) {
    this.#parts = parts;
    this.#ahead = ahead;
    this.#gap = gap;
    const handlers = { hello: (_, id) => this.#hello(id), reset: () => this.#change() };
    for (const type of parts.flatMap((part) => part.dataset.live.split(","))) {
      handlers[type] = (data) => this.#hear(type, data);
    }
    follow(handlers, { gone: () => this.#gone(), lost: checkReader });
    const seconds = Math.min(...parts.map((part) => Number(part.dataset.every ?? Infinity)));
    if (Number.isFinite(seconds)) {
      setInterval(() => this.#change(), 1000 * seconds);
    }
  }

  /** A stream of events begins. Nothing was told since the page was read if the node's last event is the same. */
  #hello(id) {
    this.#listens = true;
    if (this.#stale || id !== this.#event) {
      this.#change();
    }
  }

  /** The stream is at its end; the next one begins with a hello. */
  #gone() {
    this.#listens = false;
    this.#told = [];
    this.#drawn = 0;
  }

  #hear(type, data) {
    if (this.#ahead[type]) {
      this.#told.push([type, data]);
      if (this.#told.length > mostTold) {
        this.#told.shift();
        this.#drawn = Math.max(0, this.#drawn - 1);
      }
      this.#drawSoon();
    }
    this.#change();
  }

  #draw() {
    for (const [type, data] of this.#told.slice(this.#drawn)) {
      this.#ahead[type](data);
    }
    this.#drawn = this.#told.length;
  }

  #change() {
    this.#stale = true;
    this.#readSoon();
  }

  /** Reads at once where the last time is long ago, else as soon as it may. */
  #readSoon() {
    if (this.#timer !== 0 || this.#reading || !this.#listens) {
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (this.#listens) {
        this.#read();
      }
    }, Math.max(0, this.#last + this.#gap - performance.now()));
  }

  async #read() {
    this.#draw();
    this.#told = []; // the server knows of it
    this.#drawn = 0;
    this.#stale = false;
    this.#reading = true;
    this.#last = performance.now();
    const fresh = await readPage();
    this.#reading = false;
    if (fresh === null || !this.#listens) {
      this.#stale = true;
    } else {
      this.#show(fresh);
    }
    if (this.#stale) {
      this.#readSoon();
    }
  }

  #show(fresh) {
    for (const part of this.#parts) {
      const other = fresh.getElementById(part.id);
      if (other !== null) {
        become(part, other);
      }
    }
    this.#event = eventOf(fresh);
    this.#drawn = 0; // the server may not have known of it
    this.#draw();
  }
}

/** Returns the page as it is now, null where that cannot be had. */
async function readPage() {
  try {
    const response = await ask("GET");
    return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  } catch {
    return null;
  }
}

/** Has whoever reads this sign in where he has to: a stream that is refused does not say why. */
async function checkReader() {
  await ask("HEAD").catch(() => {}); // the node is away, which the page says
}

async function ask(method) {
  const response = await fetch(location.href, { method, headers: { Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(patienceMs) });
  if (response.status === 401) {
    location.reload(); // to the form
  }
  return response;
}

/**
 * Keeps the parts of the page that say data-live as the server would show them.
 *
 * @param {Object<string, function(any): void>} ahead by type of event: shows a guess of what the server will show. Each
 *   may be called more than once with the same event, and with one that the page shows already.
 * @param {number} gap least time between two readings, in milliseconds
 */
export function keepUp(ahead = {}, gap = usualGapMs) {
  const parts = Array.from(document.querySelectorAll("[data-live]"));
  if (parts.length > 0) {
    new Mirror(parts, ahead, gap);
  }
}
