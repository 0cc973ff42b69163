// What happens on the node, as it happens.

const retryMs = 2000;

/**
 * Follows the node's events while the page is looked at. While it is hidden nothing is open; what happened
 * meanwhile comes when it is shown again.
 *
 * @param {Object<string, function(any): void>} handlers by type of event; "reset" is called when events are
 *   missing, so that the page should be read anew
 * @param {function(boolean): void} connected is told when the stream comes and goes
 */
export function follow(handlers, connected = () => {}) {
  const types = Object.keys(handlers).filter((type) => type !== "hello" && type !== "reset");
  let source = null;
  let last = "";
  let retry = 0;

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    const query = new URLSearchParams({ types: types.join(",") });
    if (last !== "") {
      query.set("since", last);
    }
    source = new EventSource(`/api/v1/events?${query}`);
    source.onopen = () => connected(true);
    source.onerror = () => {
      connected(false);
      close(); // by itself it would not come back after an answer like 503
      retry = setTimeout(open, retryMs);
    };
    for (const [type, handle] of Object.entries(handlers)) {
      source.addEventListener(type, (event) => {
        last = event.lastEventId || last;
        handle(JSON.parse(event.data));
      });
    }
  };
  const look = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && look());
  look();
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
