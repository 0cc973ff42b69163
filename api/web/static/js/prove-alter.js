// One byte of a proof, changed, so that anybody can see that nothing of it can be.

/** Flips the last bit of the last byte of a text of hex digits. */
const flip = (digits) => digits.slice(0, -1) + (Number.parseInt(digits.at(-1), 16) ^ 1).toString(16);

/** Flips the last bit of bytes in base64. */
function flipBase64(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  bytes[bytes.length - 1] ^= 1;
  return btoa(String.fromCharCode(...bytes));
}

/** Offset of the envelope's time in hex digits, and what follows it: version and author come before. */
const timeEnd = 2 * (1 + 32 + 8);

const changes = {
  body: (file) => (file.message.body.payload = flipBase64(file.message.body.payload)),
  time: ({ message }) => (message.envelope = flip(message.envelope.slice(0, timeEnd)) + message.envelope.slice(timeEnd)),
  signature: ({ message }) => (message.signature = flip(message.signature)),
  path: ({ block }) => (block.path[0] = flip(block.path[0])),
  header: ({ block }) => (block.header = flip(block.header)),
};

const read = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

/** Tells whether a proof has a part; without a body, or alone in its block, it lacks one. */
export function canAlter(bytes, part) {
  const file = read(bytes);
  return { body: Boolean(file.message.body?.payload), path: file.block.path.length > 0 }[part] ?? true;
}

/** Returns a proof with one bit of a part changed, in the spelling that proofs have. */
export function alter(bytes, part) {
  const file = read(bytes);
  changes[part](file);
  return new TextEncoder().encode(`${JSON.stringify(file)}\n`);
}
