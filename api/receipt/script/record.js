// Records: documents that are notarised by their hash.

// RECORDS are the kinds of records with their keys, in the order in which those must stand.
const RECORDS = {
  file: ['name', 'size', 'media_type', 'sha256'], manifest: ['name', 'files', 'size', 'manifest_sha256'],
  commit: ['repository', 'commit', 'tree', 'files', 'size', 'manifest_sha256'],
  anchor: ['log', 'generation', 'sequence', 'began', 'length', 'lines', 'partial', 'sha256', 'from', 'segment_sha256', 'time_ms', 'previous'],
};

// HIDDEN are the characters that a record may not hold: invisible ones, and those that reorder others.
const HIDDEN = new RegExp('[\\0-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e' +
  '\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb\\p{NChar}\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]', 'u');

// VALUES judge the values of keys.
const VALUES = {
  text: (v) => v !== '' && new TextEncoder().encode(v).length <= 255 && !HIDDEN.test(v),
  name: (v) => VALUES.text(v) && !/^\.\.?$|[/\\]/.test(v),
  media_type: (v) => /^[ -~]{1,127}$/.test(v) && !/["\\]/.test(v),
  hash: (v) => /^[0-9a-f]{64}$/.test(v),
  object: (v) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(v),
  number: (v) => Number.isSafeInteger(v) && v >= 0,
};
Object.assign(VALUES, {
  repository: VALUES.text, sha256: VALUES.hash, manifest_sha256: VALUES.hash, commit: VALUES.object, tree: VALUES.object,
  log: VALUES.name, generation: (v) => /^[0-9a-f]{32}$/.test(v), segment_sha256: VALUES.hash, previous: VALUES.hash,
  began: (v) => /^(first|rotated|emptied|replaced|cut|changed)$/.test(v),
});
for (const key of ['size', 'files', 'sequence', 'length', 'lines', 'partial', 'from', 'time_ms']) VALUES[key] = VALUES.number;

// FITS judges what the values of a kind have to do with each other.
const FITS = {
  commit: (d) => d.commit.length === d.tree.length,
  anchor: (d) => d.sequence > 0 && d.from <= (d.sequence > 1 ? d.length : 0) && d.partial <= d.length && d.lines <= d.length - d.partial &&
    (d.lines === 0) === (d.partial === d.length) && (d.from !== 0 || d.segment_sha256 === d.sha256) &&
    (d.from !== d.length || d.segment_sha256 === hex(sha256(''))) && d.time_ms <= Number(MAX_TIME) &&
    (d.sequence === 1 && d.began === 'first') === /^0+$/.test(d.previous),
};

// writeRecord is the one spelling of a record.
function writeRecord(kind, d) {
  const write = (v) => (typeof v === 'string' ? '"' + v.replace(/["\\]/g, '\\$&') + '"' : v);
  return '{' + RECORDS[kind].map((key) => `"${key}":${write(d[key])}`).join(',') + '}';
}

// readDocument returns what a payload notarises: {kind, name, size, files, hash, …}, or null where it is no
// record, or not in the one spelling that a record has.
function readDocument(s) {
  const kind = /^application\/vnd\.p2pchain\.(file|manifest|commit|anchor)\+json$/.exec(s.envelope.mediaType)?.[1];
  const text = kind && s.payload && s.payload.length <= 16384 ? decodeText(s.payload) : null;
  let d = null;
  try {
    d = JSON.parse(text);
  } catch { // no JSON
  }
  if (d === null || typeof d !== 'object') return null;
  const numeric = (key) => VALUES[key] === VALUES.number;
  if (!RECORDS[kind].every((key) => typeof d[key] === (numeric(key) ? 'number' : 'string') && VALUES[key](d[key]))) return null;
  if (writeRecord(kind, d) !== text) return null;
  if (FITS[kind]?.(d) === false) return null;
  return {
    kind, name: d.name ?? d.repository ?? d.log, size: d.size ?? d.length, files: d.files ?? 1, type: d.media_type ?? '', commit: d.commit ?? '',
    hash: d.sha256 ?? d.manifest_sha256,
  };
}

// hashFile reads a file in pieces and tells how far it came.
async function hashFile(file, progress) {
  const hash = new Sha256(), piece = 4 << 20;
  let told = 0;
  for (let from = 0; from < file.size; from += piece) {
    hash.update(new Uint8Array(await file.slice(from, from + piece).arrayBuffer()));
    const percent = Math.floor((100 * from) / file.size);
    if (percent < told + 10) continue; // a listener wants to hear other things too
    told = percent;
    progress(percent);
  }
  return hex(hash.digest());
}

// decodeText returns null for bytes that are no text.
function decodeText(bytes) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
