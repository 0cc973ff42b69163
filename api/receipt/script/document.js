// How a file of the reader's is compared with what a message notarises.

// compareFile returns {key, values, good}: what to say about a file of the reader's. A manifest that was
// recognised is kept in `kept.manifest`, as a map of hashes to paths, for the files that come next.
async function compareFile(s, file, kept, progress) {
  const about = { name: file.name, size: count('bytes', file.size) };
  if (s.fault) return { key: 'd.fails', values: about };
  if (!s.payload) return { key: 'd.absent', values: about };
  const d = readDocument(s), log = d?.kind === 'anchor';
  about.hash = await hashFile(log ? file.slice(0, d.size) : file, progress); // a log goes on after its anchor
  if (log) {
    const good = file.size >= d.size && about.hash === d.hash;
    return { key: good ? 'd.log' : 'd.log.not', values: { ...about, wantedSize: count('bytes', d.size) }, good };
  }
  if (!d) {
    const good = about.hash === hex(sha256(s.payload));
    return { key: good ? 'd.payload' : 'd.payload.not', values: { ...about, wantedSize: count('bytes', s.payload.length) }, good };
  }
  const wanted = { ...about, wanted: d.name, wantedHash: d.hash, wantedSize: count('bytes', d.size), files: count('files', d.files) };
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
