// Documents that are notarised by their hash, and how a file of the reader's is compared with one.

// readDocument returns what a payload notarises: {kind, name, size, files, hash, …}, or null.
function readDocument(s) {
  const kind = /^application\/vnd\.p2pchain\.(file|manifest|commit)\+json$/.exec(s.envelope.mediaType)?.[1];
  const text = kind && s.payload ? decodeText(s.payload) : null;
  if (text === null) return null;
  let d;
  try {
    d = JSON.parse(text);
  } catch {
    return null;
  }
  if (d === null || JSON.stringify(d) !== text) return null;
  const out = {
    kind, name: kind === 'commit' ? d.repository : d.name, size: d.size, files: d.files ?? 1, type: d.media_type ?? '',
    commit: d.commit ?? '', hash: kind === 'file' ? d.sha256 : d.manifest_sha256,
  };
  const strings = [out.name, out.type, out.commit].every((x) => typeof x === 'string');
  const numbers = [out.size, out.files].every((x) => Number.isSafeInteger(x) && x >= 0);
  return strings && numbers && /^[0-9a-f]{64}$/.test(out.hash) ? out : null;
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

// compareFile returns {key, values, good}: what to say about a file of the reader's. A manifest that was
// recognised is kept in `kept.manifest`, as a map of hashes to paths, for the files that come next.
async function compareFile(s, file, kept, progress) {
  const about = { name: file.name, size: grouped(file.size) };
  if (s.fault) return { key: 'd.fails', values: about };
  if (!s.payload) return { key: 'd.absent', values: about };
  about.hash = await hashFile(file, progress);
  const d = readDocument(s);
  if (!d) {
    const good = about.hash === hex(sha256(s.payload));
    return { key: good ? 'd.payload' : 'd.payload.not', values: { ...about, wantedSize: grouped(s.payload.length) }, good };
  }
  const wanted = { ...about, wanted: d.name, wantedHash: d.hash, wantedSize: grouped(d.size), files: grouped(d.files) };
  if (d.kind === 'file') {
    const good = about.hash === d.hash && file.size === d.size;
    return { key: good ? 'd.file' : 'd.file.not', values: wanted, good };
  }
  if (about.hash === d.hash) {
    kept.manifest = readManifest(decodeText(new Uint8Array(await file.arrayBuffer())) ?? '');
    return { key: 'd.manifest', values: wanted, good: true };
  }
  if (!kept.manifest) return { key: 'd.manifest.not', values: wanted };
  const path = kept.manifest.get(about.hash);
  return path === undefined ? { key: 'd.listed.not', values: about } : { key: 'd.listed', values: { ...about, path }, good: true };
}

// readManifest reads what sha256sum writes: a hash, two characters, a path.
function readManifest(text) {
  const lines = text.split('\n').map((line) => /^\\?([0-9a-f]{64}) [ *](.+)$/.exec(line)).filter(Boolean);
  return new Map(lines.map(([, hash, path]) => [hash, path]));
}
