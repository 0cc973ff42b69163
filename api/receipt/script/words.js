// What a checked proof says, in the language of the reader. Everything here makes plain text.

const TEXTS = JSON.parse(document.getElementById('texts').textContent);
let language = /^de\b/i.test(navigator.language) ? 1 : 0; // the place of a language in TEXTS: English, German

// say returns a text with values in place of the names in braces.
function say(key, values = {}) {
  return TEXTS[key][language].replace(/\{(\w+)\}/g, (all, name) => (name in values ? visible(String(values[name])) : all));
}

// grouped writes a number in groups of three, which both languages can read.
function grouped(n) { return String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f'); }

// count says a number of things: bytes or files.
function count(things, n) { return String(n) === '1' ? say(things + '.one') : say(things, { n: grouped(n) }); }

function moment(ms) {
  return new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', ' UTC');
}

const LAPTOP_RATE = 50e6; // hashes a second on one core

function effort(work) {
  const seconds = Number(work) / LAPTOP_RATE;
  for (const [unit, size] of [['years', 365.25 * 86400], ['hours', 3600], ['minutes', 60]]) {
    if (seconds >= 2 * size) return say('time.' + unit, { n: grouped(BigInt(Math.round(seconds / size))) });
  }
  return seconds < 0.01 ? say('time.moment') : say('time.seconds', { n: Math.round(seconds * 100) / 100 });
}

// visible makes characters visible that hide, reorder or end something: all control and format characters
// but newlines, tabs, and the joiners that scripts and emoji need.
function visible(text) {
  return text.replace(/\r\n/g, '\n').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) =>
    ('\n\t\u200c\u200d'.includes(c) ? c : `[U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`));
}

// split returns what of a text is printed, and the rest.
function split(text) {
  let lines = 0, runes = 0, at = 0;
  for (const c of text) {
    if (c === '\n') lines++;
    if (lines === 16 || runes === 1500) return [text.slice(0, at), text.slice(at)];
    runes++;
    at += c.length;
  }
  return [text, ''];
}

// facts are the rows of the table: a name, a text, a hash.
function facts(s) {
  const out = [], row = (name, text, hash) => out.push({ name, text, hash: hash && hex(hash) });
  const block = (key, h) => row(say(key, { height: grouped(h.height) }), say('f.dated', { time: moment(h.time) }), h.hash);
  row(say('f.id'), '', s.id);
  row(say('f.payload'), say('f.payload.is', { size: count('bytes', s.envelope.size), type: s.envelope.mediaType }));
  const d = readDocument(s);
  if (d) {
    row(say('f.document'), say('doc.' + d.kind, { ...d, size: count('bytes', d.size), files: count('files', d.files) }));
    row(say(`f.sha.${{ file: 'file', anchor: 'log' }[d.kind] ?? 'manifest'}`), '', unhex(d.hash));
  }
  row(say('f.author'), '', s.envelope.author);
  block('f.block', s.block);
  if (s.seen && s.seen.height > 0n) block('f.seen', s.seen);
  if (s.next) block('f.next', s.next);
  if (s.tip) block('f.last', s.tip);
  row(say('f.network'), `${s.network.name} (${hex(s.network.hash.subarray(0, 8))})` + (namedLike(s) ? `, ${say('f.network.other')}` : ''));
  row(say('f.genesis'), '', s.network.hash);
  return out;
}

// isBlock tells whether an anchor, what the reader's own hash is of, is that of a block on this branch.
function isBlock(anchor) { return ['tip', 'next', 'block'].includes(anchor); }

// namedLike is the genesis hash of the built-in network that has the name of this one and is another.
function namedLike(s) {
  const known = Object.hasOwn(BUILTIN, s.network.name) && BUILTIN[s.network.name];
  return known && known !== hex(s.network.hash) && known;
}

// proven, claimed and unproven are sentences. What rests on headers is a claim without an anchor.
function proven(s, anchor) {
  const out = [say('p.message', { size: count('bytes', s.envelope.size), type: s.envelope.mediaType, network: s.network.name })];
  if (isBlock(anchor)) {
    const last = s[anchor], work = last.work - s.block.work, blocks = grouped(last.height - s.block.height);
    out.push(...placed(s), ...(anchor === 'block' ? [] : next(s)));
    if (last !== s.block) out.push(say('p.anchored', { blocks, work: grouped(work), effort: effort(work) }));
  } else if (s.next && s.network.pow !== 'classic') {
    out.push(say('p.shown', { work: grouped(s.shown), effort: effort(s.shown) }));
  }
  return out;
}

function claimed(s, anchor) {
  return [...(isBlock(anchor) ? [] : placed(s)), ...(isBlock(anchor) && anchor !== 'block' ? [] : next(s))];
}

const bound = (h) => ({ height: grouped(h.height), time: moment(h.time) });

// placed says in which block the message is, and after which one it was written; next before which.
function placed(s) {
  const position = grouped(s.file.block.position + 1);
  const out = [say('p.place', { position, count: grouped(s.block.count), height: grouped(s.block.height) })];
  if (s.seen) out.push(s.seen.height === 0n ? say('p.seen.genesis') : say('p.seen', bound(s.seen)));
  return out;
}

function next(s) { return s.next ? [say('p.next', bound(s.next))] : []; }

function unproven(s, anchor) {
  const out = [], genesis = namedLike(s);
  if (genesis) out.push(say('n.name', { network: s.network.name, genesis }));
  if (!isBlock(anchor)) out.push(say(s.network.pow === 'classic' ? 'n.classic' : 'n.anchor'));
  if (s.confirmations > 0n && s[anchor] !== s.last) {
    const about = { blocks: grouped(s.confirmations), work: grouped(s.claimed), effort: effort(s.claimed) };
    out.push(say('n.claimed', about));
  }
  if (!s.seen) out.push(say('n.seen'));
  if (!s.next) out.push(say('n.next'));
  out.push(say('n.clock', { time: moment(s.block.time), author: moment(s.envelope.time) }));
  if (!anchor) out.push(say('n.network'));
  out.push(say('n.author'), say('n.page'));
  return out;
}
