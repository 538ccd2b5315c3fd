// @ts-check
/**
 * Who sent a request, for servers that stand beside bff or behind it.
 *
 * Beside (a front proxy sends /bff to bff and the rest here): the request has bff's cookie, and bff is asked.
 * Behind (an `apis` entry with `identity`): bff took the cookie away and put an assertion in its place, a JWT that is
 * verified here.
 *
 * @typedef {object} ServerUser
 * @property {string} id
 * @property {string} [provider]
 * @property {string} [name]
 * @property {string} [email]
 * @property {boolean} [email_verified]
 * @property {string[]} rights
 * @property {string} [app_id]
 *
 * @typedef {{ authenticated: true, user: ServerUser, session: { id: string } }
 *   | { authenticated: false, user?: undefined, session?: undefined }} ServerSession
 *
 * @typedef {object} ServerOptions
 * @property {string} [url] where this server reaches bff: `BFF_URL` by default, else http://127.0.0.1:8080
 * @property {string | string[]} [origin] how browsers reach it, when that is another address, or the origins of all
 *   fronts whose assertions count: `BFF_ORIGIN` by default, with commas between
 * @property {string} [audience] the `identity` of this server in bff.yaml: `BFF_AUDIENCE` by default. Without it no
 *   assertion is accepted
 *
 * @typedef {{ get: (name: string) => string | null }} HeadersLike
 * @typedef {{ headers: HeadersLike | Record<string, string | string[] | undefined> }} RequestLike a Request of the web,
 *   of Node, or of Express
 */

/** @type {ServerSession} */
const nobody = { authenticated: false };

/** @param {Partial<ServerUser> & { id: string }} from @param {string} session @returns {ServerSession} */
function signedIn({ id, provider, name, email, email_verified, rights = [], app_id }, session) {
  return {
    authenticated: true,
    user: { id, provider, name, email, email_verified, rights, app_id },
    session: { id: session },
  };
}

/** @param {RequestLike["headers"]} headers @param {string} name */
function header(headers, name) {
  const value = typeof headers.get === "function"
    ? /** @type {HeadersLike} */ (headers).get(name)
    : /** @type {Record<string, string | string[] | undefined>} */ (headers)[name];
  return (Array.isArray(value) ? value.join("; ") : value) || "";
}

/** Who sent the request. It throws when bff cannot be asked: an outage is not "nobody".
 * @param {RequestLike} request @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export async function getSession({ headers }, options = {}) {
  const env = /** @type {any} */ (globalThis).process?.env ?? {};
  const url = options.url || env.BFF_URL || "http://127.0.0.1:8080";
  const bearer = /^Bearer (.+)$/i.exec(header(headers, "authorization"))?.[1];
  const audience = options.audience || env.BFF_AUDIENCE;
  if (bearer && audience) {
    const issuers = [options.origin || env.BFF_ORIGIN?.split(",") || new URL(url).origin].flat();
    return sessionOfAssertion(bearer, url, issuers, audience);
  }
  const cookie = header(headers, "cookie");
  if (!cookie) return nobody;
  const r = await fetch(new URL("/bff/session?touch=false", url), {
    headers: { Cookie: cookie, "X-CSRF": "1" }, redirect: "error", signal: AbortSignal.timeout(10e3),
  });
  if (!r.ok) throw new Error(`bff: GET /bff/session: ${r.status} ${r.headers.get("BFF-Error") || ""}`.trim());
  const { authenticated, user, session } = await r.json();
  if (!authenticated) return nobody;
  return signedIn(user, session.id);
}

/** @typedef {JsonWebKey & { kid?: string }} Key */
/** @typedef {{ keys: Key[], at: number }} KeySet */

/** By the address of the key set. @type {Map<string, KeySet>} */
const keySets = new Map();

const keysLive = 10 * 60e3, keysAgain = 5e3; // a key that is not known yet is looked for, but not at every request

/** @param {string} url @param {string | undefined} kid @returns {Promise<Key | undefined>} */
async function keyOf(url, kid) {
  const address = new URL("/bff/jwks.json", url).href;
  let set = keySets.get(address);
  const find = () => set?.keys.find((k) => k.kid === kid);
  const age = Date.now() - (set?.at ?? -Infinity);
  if (age > keysLive || !find() && age > keysAgain) {
    const r = await fetch(address, { redirect: "error", signal: AbortSignal.timeout(10e3) });
    if (!r.ok) throw new Error(`bff: GET /bff/jwks.json: ${r.status}`);
    set = { keys: (await r.json()).keys, at: Date.now() };
    keySets.set(address, set);
  }
  return find();
}

const algorithms = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
};

/** @param {string} part */
const bytes = (part) => Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

/** @param {string} part */
const json = (part) => JSON.parse(new TextDecoder().decode(bytes(part)));

/** The session of an assertion that bff signed for this audience; nobody, when it is anything else.
 * @param {string} token @param {string} url @param {string[]} issuers @param {string} audience
 * @returns {Promise<ServerSession>} */
async function sessionOfAssertion(token, url, issuers, audience) {
  const [head, body, signature, ...more] = token.split(".");
  let header, claims, mark;
  try {
    header = json(head);
    claims = json(body);
    mark = bytes(signature);
  } catch {
    return nobody;
  }
  if (!header || !claims) return nobody;
  const algorithm = Object.hasOwn(algorithms, header.alg) && algorithms[/** @type {"EdDSA"} */ (header.alg)];
  if (more.length || header.typ !== "at+jwt" || header.crit || !algorithm) return nobody;
  const key = await keyOf(url, header.kid);
  if (!key || (key.alg && key.alg !== header.alg)) return nobody;
  const opened = await crypto.subtle.importKey("jwk", key, algorithm, false, ["verify"]);
  const signed = new TextEncoder().encode(head + "." + body);
  if (!await crypto.subtle.verify(algorithm, opened, mark, signed)) return nobody;
  const now = Date.now() / 1e3, leeway = 5;
  const current = claims.exp > now - leeway && !(claims.iat > now + leeway) && !(claims.nbf > now + leeway);
  if (!issuers.includes(claims.iss) || ![claims.aud].flat().includes(audience) || !current) return nobody;
  if (typeof claims.sub !== "string" || typeof claims.sid !== "string") return nobody;
  return signedIn({ ...claims, id: claims.sub }, claims.sid);
}
