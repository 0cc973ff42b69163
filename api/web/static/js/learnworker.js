// Searches a nonce beside the page, so that the page stays quick. Whoever wants no answer any more ends it.
// @ts-check

import { Search } from "./learnchain.js";

const slice = 20_000; // tries between two reports

self.onmessage = ({ data: bytes }) => {
  const search = new Search(bytes), from = performance.now();
  for (let found = false; !found;) {
    found = search.run(slice);
    self.postMessage({ found, nonce: search.nonce, tries: search.tries, ms: performance.now() - from });
  }
};
