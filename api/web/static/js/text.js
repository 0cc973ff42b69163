// What people read, in the language of the page.

const lang = document.documentElement.lang;
const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");
const numbers = new Intl.NumberFormat(lang);
const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });

/** Returns a text of the page with its arguments. */
export function say(key, ...args) {
  return args.reduce((text, arg, i) => text.replaceAll(`{${i}}`, arg), texts[key] ?? key);
}

/** Returns the text for one or for many. */
export const count = (key, n) => say(`${key}.${n === 1 ? "one" : "many"}`, number(n));

/** Returns a number with separators between thousands. */
export const number = (n) => numbers.format(n);

/** Returns the ends of a hash. */
export const short = (hash) => (hash.length <= 16 ? hash : `${hash.slice(0, 8)}…${hash.slice(-6)}`);

/** Returns a number of hashes a second in three digits. */
export function rate(perSecond) {
  const units = ["", "k", "M", "G", "T"];
  let unit = 0;
  for (; perSecond >= 1000 && unit < units.length - 1; unit++) {
    perSecond /= 1000;
  }
  return `${Number(perSecond.toPrecision(3))} ${units[unit]}H/s`;
}

/**
 * Returns a stranger's text on one line such that all of it is seen: what steers or has no width is shown
 * by its number, as the server does.
 */
export function excerpt(text, most = 160) {
  const line = text.slice(0, 8 * most).split(/[\s\u0085]+/u).join(" ").trim();
  const chars = Array.from(line);
  const kept = chars.length > most ? `${chars.slice(0, most).join("")}…` : line;
  return kept.replace(/[\p{Cc}\p{Cf}\p{Co}\u2028\u2029\uFFFD]/gu, (c) => {
    const code = c.codePointAt(0);
    if (code < 0x20) {
      return String.fromCodePoint(0x2400 + code);
    }
    return code === 0x7f ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

const steps = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** Says how long ago a time was, or the time itself where that is long. */
export function ago(ms, now = Date.now()) {
  const past = now - ms;
  if (past < 0 || past > 7 * 86_400_000) {
    return null;
  }
  for (const [unit, size] of steps) {
    if (past >= size) {
      return relative.format(-Math.floor(past / size), unit);
    }
  }
  return relative.format(-Math.floor(past / 1000), "second");
}
