// Ed25519 as the network judges it: the cofactored equation [8][S]B = [8]R + [8][k]A of RFC 8032 with
// S < L, A and R canonically encoded, and A not of small order. Browsers and libraries differ on crafted
// signatures, so the equation is written out here. Nothing here is secret, so time does not matter.

const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const CURVE_D = modulo(-121665n * power(121666n, FIELD - 2n));
const ROOT_OF_MINUS_1 = power(2n, (FIELD - 1n) / 4n);
const IDENTITY = [0n, 1n, 1n, 0n]; // X, Y, Z, T with x = X/Z, y = Y/Z, x·y = T/Z
const BASE = decodePoint(unhex('58' + '66'.repeat(31)));

function modulo(n) {
  const rest = n % FIELD;
  return rest < 0n ? rest + FIELD : rest;
}

function power(base, exponent) {
  let out = 1n;
  for (let b = base, e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) out = modulo(out * b);
    b = modulo(b * b);
  }
  return out;
}

// addPoints is complete: it also doubles.
function addPoints([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = modulo((y1 - x1) * (y2 - x2)), b = modulo((y1 + x1) * (y2 + x2));
  const c = modulo(2n * CURVE_D * t1 * t2), d = modulo(2n * z1 * z2);
  const e = b - a, f = d - c, g = d + c, h = b + a;
  return [modulo(e * f), modulo(g * h), modulo(f * g), modulo(e * h)];
}

function multiplyPoint(point, scalar) {
  let out = IDENTITY;
  for (let p = point, s = scalar; s > 0n; s >>= 1n) {
    if (s & 1n) out = addPoints(out, p);
    p = addPoints(p, p);
  }
  return out;
}

function samePoint([x1, y1, z1], [x2, y2, z2]) {
  return modulo(x1 * z2 - x2 * z1) === 0n && modulo(y1 * z2 - y2 * z1) === 0n;
}

// decodePoint returns null for what is no point, or not its one encoding.
function decodePoint(bytes) {
  const n = littleEndian(bytes), sign = n >> 255n, y = n & (2n ** 255n - 1n);
  if (y >= FIELD) return null;
  const top = modulo(y * y - 1n), bottom = modulo(CURVE_D * y * y + 1n);
  const square = modulo(top * power(bottom, FIELD - 2n));
  let x = power(square, (FIELD + 3n) / 8n);
  if (modulo(x * x) !== square) x = modulo(x * ROOT_OF_MINUS_1);
  if (modulo(x * x) !== square || (x === 0n && sign === 1n)) return null;
  if ((x & 1n) !== sign) x = FIELD - x;
  return [x, y, 1n, modulo(x * y)];
}

// signatureHolds judges a signature of 64 bytes by a key of 32 over a message.
function signatureHolds(key, message, signature) {
  const A = decodePoint(key), R = decodePoint(signature.slice(0, 32));
  const S = littleEndian(signature.slice(32));
  if (!A || !R || S >= ORDER || samePoint(multiplyPoint(A, 8n), IDENTITY)) return false;
  const k = littleEndian(sha512(join(signature.slice(0, 32), key, message))) % ORDER;
  const left = multiplyPoint(BASE, S), right = addPoints(R, multiplyPoint(A, k));
  return samePoint(multiplyPoint(left, 8n), multiplyPoint(right, 8n));
}
