// @ts-check
// bff-client: signs people in through bff and calls APIs through it. No token ever reaches this code.
/**
 * @typedef {{ subject: string, email?: string, name?: string }} Account
 * @typedef {{ id: string, provider: string, account: Account, status: "active" | "needs_reauth", reason?: string, scopes: string[], connected_at: string, used_at?: string }} Connection
 * @typedef {{ name: string, title: string, login_url: string }} Provider
 * @typedef {{ id: string, provider: string, subject: string, name?: string, email?: string, email_verified?: boolean, picture?: string }} User
 * @typedef {{ authenticated: true, user: User, session: { id: string, created_at: string, idle_expires_at: string, expires_at: string }, connections: Connection[], providers?: Provider[] }} SignedInSession
 * @typedef {{ authenticated: false, providers: Provider[] }} SignedOutSession
 * @typedef {SignedInSession | SignedOutSession} Session
 * @typedef {{ id: string, device: string, created_at: string, last_seen_at: string, current: boolean }} Device
 * @typedef {{ kind: "login" | "connect", url: string }} Fix
 * @typedef {{ code: string, status?: number, title?: string, detail?: string, provider?: string, connection?: string, missing_scopes?: string[], retry_after?: number, fix?: Fix }} Problem
 * @typedef {"INITIAL_SESSION" | "SIGNED_IN" | "SIGNED_OUT" | "SESSION_EXPIRED" | "CONNECTION_CHANGED"} AuthEvent
 * @typedef {(event: AuthEvent, session: Session, reason?: string) => void} Listener
 * @typedef {{ provider: string, returnTo?: string, scopes?: string[], popup?: boolean, loginHint?: string, prompt?: string }} LoginOptions
 * @typedef {LoginOptions & { connection?: string }} ConnectOptions
 * @typedef {{ look?: string, done?: string | null, error?: string | null }} Word
 */

/** What bff refused, as its problem document (RFC 9457). */
export class BFFError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.title || problem.code);
    this.name = new.target.name;
    this.problem = problem;
    this.fix = problem.fix;
  }
}
export class LoginRequiredError extends BFFError {}
export class ConsentRequiredError extends BFFError {}
export class ReconnectRequiredError extends BFFError {}

/** @type {Record<string, typeof BFFError>} */
const kinds = {
  not_signed_in: LoginRequiredError,
  missing_scopes: ConsentRequiredError,
  not_connected: ConsentRequiredError,
  needs_reauth: ReconnectRequiredError,
};

/** @param {Response} r @returns {Promise<BFFError>} */
const refusal = async (r) => {
  const code = r.headers.get("BFF-Error") || "internal";
  const problem = await r.clone().json().catch(() => ({}));
  return new (kinds[code] || BFFError)({ status: r.status, ...problem, code });
};

/** @param {Session} [s] */
const idOf = (s) => s?.authenticated ? s.session.id : "";

/** Tells every tab of this origin, this one too. @param {Word} word */
const tell = (word) => {
  const c = new BroadcastChannel("bff");
  c.postMessage(word);
  c.close();
};

/** @param {{ baseURL?: string, onFix?: "popup" | "redirect" }} [options] */
export function createClient({ baseURL, onFix } = {}) {
  const base = new URL(baseURL || "/", globalThis.location?.href);
  /** @type {Set<Listener>} */
  const listeners = new Set();
  /** @type {Session | undefined} */
  let known;
  /** @type {Promise<unknown>} */
  let looking = Promise.resolve();
  let stop = () => {};
  /** @type {Map<string, Promise<void>>} */
  const fixes = new Map();

  /** @param {string} path @param {string} [method] */
  const ask = async (path, method = "GET") => {
    const r = await fetch(new URL(path, base), { method, credentials: "include", headers: { "X-CSRF": "1" } });
    if (!r.ok) throw await refusal(r);
    return r.status === 204 ? null : r.json();
  };

  /** Reads the session. Not signed in is an answer; only an outage throws. @returns {Promise<Session>} */
  const getSession = ({ touch = true } = {}) => ask("/bff/session" + (touch ? "" : "?touch=false"));

  /** Reads again and says what changed since the last look. An outage changes nothing. @param {string} reason */
  const look = (reason) => looking = looking.then(async () => {
    const now = await getSession({ touch: false }).catch(() => known);
    const was = known;
    if (!now || JSON.stringify(now) === JSON.stringify(was)) return;
    known = now;
    if (!was) emit("INITIAL_SESSION");
    else if (idOf(was) !== idOf(now)) emit(now.authenticated ? "SIGNED_IN" : /^expired|^$/.test(reason) ? "SESSION_EXPIRED" : "SIGNED_OUT", reason);
    else if (now.authenticated && was.authenticated && JSON.stringify(was.connections) !== JSON.stringify(now.connections)) emit("CONNECTION_CHANGED", reason);
  });

  /** @param {AuthEvent} event @param {string} [reason] */
  const emit = (event, reason) => listeners.forEach((f) => f(event, /** @type {Session} */ (known), reason));

  /** Listens to the other tabs, and to the server through one of them. */
  const start = () => {
    const ear = new BroadcastChannel("bff");
    const over = new AbortController();
    /** @type {EventSource | undefined} */
    let source;
  };
  return {};
}
