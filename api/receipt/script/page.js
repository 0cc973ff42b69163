// The page: it checks the proof that it holds, shows what came out, and takes other proofs, documents and
// hashes from its reader. Text of strangers becomes text nodes only.

const own = new TextEncoder().encode(document.getElementById('proof').textContent);
const at = (id) => document.getElementById(id);
let shown = null; // what check returned
let otherName = ''; // of a proof that is not the receipt's own
let anchor = ''; // which header the reader's hash is of
let answers = []; // about the reader's last documents
let kept = {}; // the manifest, once it was recognised

// element makes an element with a class, and children that are nodes or texts.
function element(tag, className, ...children) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

function show(bytes, name) {
  otherName = name;
  anchor = '';
  answers = [];
  kept = {};
  at('anchor').value = '';
  shown = check(bytes);
  draw();
}

// draw writes everything that depends on the proof, the language or the reader's answers.
function draw() {
  document.documentElement.lang = language ? 'de' : 'en';
  at('language').lang = language ? 'en' : 'de';
  document.title = say('title') + ' · p2pchain';
  for (const e of document.querySelectorAll('[data-text]')) e.textContent = say(e.dataset.text);
  const s = shown, holds = s.fault === null;
  at('lead').textContent = say('lead', { network: s.network?.name ?? '?' });
  report('verdict', holds ? say(isBlock(anchor) ? 'verdict.anchored' : 'verdict.holds') : say('verdict.fails', reason(s.fault)), holds ? isBlock(anchor) || null : false);
  at('other-state').textContent = otherName && say('other.shown', { name: otherName });
  at('other-back').hidden = at('other-state').hidden = !otherName;
  at('qr').hidden = otherName !== '';
  at('statement').hidden = at('about').hidden = !holds;
  at('save-payload').hidden = !holds || !s.payload;
  at('steps').replaceChildren(...s.steps.map((step) => drawStep(step, s)));
  at('steps').dataset.fault = s.fault ?? '';
  drawAnswers(s);
  if (holds) drawStatement(s);
}

function reason(code) { return { code, reason: say('fault.' + code) }; }

// report fills a live region, and says by a sign and a colour how it went: null is neither well nor ill.
function report(id, text, good) {
  const e = at(id);
  e.className = text === '' || good === null ? 'report' : good ? 'report good' : 'report bad';
  if (e.textContent !== text) e.textContent = text;
}

function drawStep(step, s) {
  const words = element('span', '', say('state.' + step.state));
  const line = element('li', step.state, element('span', '', say('step.' + step.name)), ' — ', words);
  if (step.state === 'failed') words.append(`: ${reason(s.fault).reason} (${s.fault})`);
  return line;
}

function drawStatement(s) {
  at('facts').replaceChildren(...facts(s).map(({ name, text, hash }) => {
    const value = element('dd', '');
    if (hash) value.append(element('code', '', hash));
    if (text) value.append(element('span', '', text));
    return element('div', '', element('dt', '', name), value);
  }));
  const list = (sentences) => sentences.map((sentence) => element('li', '', sentence));
  at('proven').replaceChildren(...list(proven(s, anchor)));
  const claims = claimed(s, anchor);
  at('claimed').replaceChildren(...list(claims));
  at('claimed-title').hidden = claims.length === 0;
  at('unproven').replaceChildren(...list(unproven(s, anchor)));
  const size = { size: count('bytes', s.envelope.size) }, text = s.payload ? decodeText(s.payload) : null;
  const [printed, rest] = text === null ? ['', ''] : split(visible(text));
  at('payload').hidden = text === null;
  at('payload').replaceChildren(printed, element('span', 'screen', rest));
  const note = text === null ? say(s.payload ? 'payload.binary' : 'payload.none', size) : rest.trim() ? say('payload.cut', size) : '';
  at('payload-note').textContent = note;
  at('payload-note').className = text === null ? '' : 'paper';
}

// drawAnswers says what the reader's hash and document came to.
function drawAnswers(s) {
  const text = at('anchor').value.trim();
  const key = text === '' ? '' : /[0-9a-f]{64}/i.test(text) ? 'anchor.' + (anchor || 'none') : 'anchor.form';
  const height = s.fault === null && anchor in s ? grouped(s[anchor].height ?? 0) : '';
  report('anchor-report', s.fault || key === '' ? '' : say(key, { height }), !['anchor.none', 'anchor.form', 'anchor.id'].includes(key));
  at('document-report').replaceChildren(...answers.map(({ key, values, good }) =>
    element('p', key === 'd.reading' ? 'report' : good ? 'report good' : 'report bad', say(key, values))));
}

// readAnchor finds the most that any hash in the text is of.
function readAnchor() {
  const given = (at('anchor').value.match(/[0-9a-f]{64}/gi) ?? []).map((h) => h.toLowerCase());
  const is = (hash) => hash && given.includes(hex(hash)), s = shown;
  anchor = '';
  if (s.fault === null) {
    const candidates = { tip: s.tip?.hash, next: s.next?.hash, block: s.block.hash, genesis: s.network.hash, id: s.id };
    anchor = Object.keys(candidates).find((name) => is(candidates[name])) ?? '';
  }
  draw();
}

// Files: where they are dropped decides what they are; elsewhere on the page their beginning does.
async function takeProof(file) {
  const bytes = new Uint8Array(await file.slice(0, MAX_FILE + 1).arrayBuffer());
  show(bytes, visible(file.name));
}

async function takeDocument(file, i) {
  const s = shown, list = answers;
  const tell = (answer) => {
    list[i] = answer;
    if (s === shown && list === answers) drawAnswers(s); // nothing else came meanwhile
  };
  tell(await compareFile(s, file, kept, (percent) => tell({ key: 'd.reading', values: { name: file.name, percent } })));
}

async function takeAny(file, i) {
  return (await file.slice(0, 64).text()).includes('p2pchain-proof/') ? takeProof(file) : takeDocument(file, i);
}

async function takeFiles(fileList, take) {
  answers = [];
  for (const [i, file] of [...fileList].entries()) {
    try {
      await take(file, i);
    } catch { // a folder, or it was taken away
      answers[i] = { key: 'd.unread', values: { name: file.name } };
      drawAnswers(shown);
    }
  }
}

function save(bytes, name, type) {
  const link = element('a', '');
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function start() {
  for (const e of document.querySelectorAll('[data-text]')) TEXTS[e.dataset.text][0] ||= e.textContent;
  const on = (id, event, f) => at(id).addEventListener(event, f);
  on('language', 'click', () => {
    language = 1 - language;
    draw();
  });
  on('save-proof', 'click', () => save(shown.bytes, otherName ? 'proof.p2pproof' : at('proof').dataset.name, 'application/vnd.p2pchain.proof+json'));
  on('save-payload', 'click', () => save(shown.payload, hex(shown.id).slice(0, 16) + '.payload', 'application/octet-stream'));
  on('anchor', 'input', readAnchor);
  on('other-back', 'click', () => show(own, ''));
  on('other-check', 'click', () => show(new TextEncoder().encode(at('other-text').value.trim() + '\n'), say('other.pasted')));
  for (const [zone, input, take] of [['document-zone', 'document-file', takeDocument], ['other-zone', 'other-file', takeProof]]) {
    on(input, 'change', () => {
      takeFiles(at(input).files, take);
      at(input).value = ''; // so that the same file can be chosen again
    });
    at(zone).take = take;
  }
  const over = (event) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    for (const zone of document.querySelectorAll('.zone')) zone.classList.toggle('over', event.type === 'dragover' && zone.contains(event.target));
  };
  document.addEventListener('dragover', over);
  document.addEventListener('dragleave', over);
  document.addEventListener('drop', (event) => {
    over(event);
    takeFiles(event.dataTransfer.files, event.target.closest('.zone')?.take ?? takeAny);
  });
  document.documentElement.classList.add('scripted');
  show(own, '');
}

start();
