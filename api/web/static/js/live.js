// What happens on the node, as it happens.

const retryMs = 2000;

/** Where a page says whether it follows what happens, and lets its reader halt it (WCAG 2.2, criterion 2.2.2). */
const box = document.getElementById("live");
const button = box?.querySelector("button");
let paused = false;

/** Reports whether the page should change by itself: somebody sees it, and did not halt it. */
export const awake = () => !document.hidden && !paused;

/**
 * Calls open when the page should begin to show what happens, and close when it should stop.
 *
 * @param {function(): void} open
 * @param {function(): void} close
 */
export function whileAwake(open, close) {
  const look = () => (awake() ? open() : close());
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && look());
  button?.addEventListener("click", look); // after the listener that changes paused
  look();
}

/**
 * Says in the box how the page follows, with the words that the server put there.
 *
 * @param {"follows"|"lost"|"paused"} how
 */
function tell(how) {
  const state = box.querySelector("[role=status]");
  if (state.textContent !== box.dataset[how]) {
    state.textContent = box.dataset[how];
  }
  box.dataset.state = how;
  button.textContent = paused ? box.dataset.resume : box.dataset.pause;
}

button?.addEventListener("click", () => {
  paused = !paused;
  tell(paused ? "paused" : "follows");
});

/**
 * Shows the box, and returns what is to be told whether the stream of events is there.
 *
 * @returns {function(boolean): void}
 */
export function showLive() {
  box.hidden = false;
  tell("follows");
  return (connected) => tell(paused ? "paused" : connected ? "follows" : "lost");
}

/**
 * Follows the node's events while the page is looked at. While it is hidden or halted nothing is open, and what
 * happens meanwhile is not told: whoever follows looks at every hello how things are.
 *
 * @param {Object<string, function(any, string): void>} handlers by type of event, called with what it carries and its
 *   id; "hello" when a stream begins, "reset" when events are missing, both with the id of the last event before
 * @param {{once?: boolean, gone?: function(): void, lost?: function(): void}} options once: the page waits for one
 *   thing only, so nobody is offered to halt it; gone is called when a stream has ended, lost also where it was not the
 *   page that ended it, or there was none
 */
export function follow(handlers, { once = false, gone = () => {}, lost = () => {} } = {}) {
  const types = Object.keys(handlers).filter((type) => type !== "hello" && type !== "reset");
  const connected = once ? () => {} : showLive();
  let source = null;
  let retry = 0;

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
    gone();
  };
  const open = () => {
    close();
    source = new EventSource(`/api/v1/events?types=${types}`);
    source.onopen = () => connected(true);
    source.onerror = () => {
      connected(false);
      close(); // by itself it would not come back after an answer like 503
      lost();
      retry = setTimeout(open, retryMs);
    };
    for (const [type, handle] of Object.entries(handlers)) {
      source.addEventListener(type, (event) => handle(JSON.parse(event.data), event.lastEventId));
    }
  };
  whileAwake(open, close);
}

/**
 * Returns a function that calls another one at most once for each frame that is drawn.
 *
 * @param {function(): void} draw
 */
export function eachFrame(draw) {
  let asked = false;
  return () => {
    if (asked) {
      return;
    }
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
