// @ts-check
/** @import * as T from "./types.js" */

/** A refusal: its problem document and its fix. */
export class BFFError extends Error {
  /** @param {T.Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.code);
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

/** @param {Response} r */
const codeOf = (r) => r.headers.get("BFF-Error") || "internal";

/** @param {Response} r */
const refusal = async (r) => new (kinds[codeOf(r)] || BFFError)({ status: r.status, code: codeOf(r), ...await r.json().catch(() => {}) });

/** @param {T.Session} [s] */
const idOf = (s) => s?.authenticated ? s.session.id : "";

/** @param {T.Session} s */
const linked = (s) => JSON.stringify(s, ["connections", "id", "status", "reason", "scopes"]);

const bus = () => new BroadcastChannel("bff");

/** @param {string} why @param {string} [id] needs no look */
const tell = (why, id) => {
  const b = bus();
  b.postMessage({ why, id });
  b.close();
};

/** @type {(options?: T.ClientOptions) => T.Client} */
export const createClient = ({ baseURL, onFix } = {}) => {
  const page = globalThis.location;
  const base = new URL(baseURL || "/", page?.href || "http://localhost");
  /** @type {Set<T.Heard>} */
  const listeners = new Set();
  /** @type {Record<string, Promise<void>>} */
  const fixing = {};
  /** @type {(why?: string) => void} */
  let look, stop = () => {};

  /** @param {string} path @param {string} [method] */
  const ask = async (path, method) => {
    const r = await fetch(new URL("/bff/" + path, base), { method, credentials: "include", headers: { "X-CSRF": "1" } });
    if (!r.ok) throw await refusal(r);
    if (r.status < 204) return r.json();
  };

  const getSession = ({ touch = true } = {}) => ask("session?touch=" + touch);

  // Every tab hears the bus; the one with the lock hears the server for all.
  const start = () => {
    const ear = bus(), over = new AbortController();
    /** @type {T.Session} */
    let known;
    /** @type {*} */
    let stream;
    let timer = 0, leading = false, looking = Promise.resolve();
    const hangUp = () => stream = stream?.close();
    /** @param {string} [why] */
    const later = (why) => timer ||= setTimeout(() => {
      timer = 0;
      look(why);
    }, why ? 1e3 : 5e3);
    const tune = () => {
      if (!idOf(known)) hangUp();
      else if (leading && !stream && !timer) {
        stream = new EventSource(new URL("/bff/events", base), { withCredentials: true });
        stream.onopen = () => look();
        stream.onerror = () => {
          if (stream?.readyState > 1) hangUp(), later();
        };
        stream.addEventListener("connection.changed", () => tell("connection"));
        stream.addEventListener("session.ended", (/** @type {MessageEvent} */ e) => tell(JSON.parse(e.data).reason));
      }
    };
    // Says what is new. An outage is no news.
    look = (why) => looking = looking.then(async () => {
      const was = known;
      known = await getSession({ touch: false }).catch(() => (later(), was));
      if (!known) return;
      const id = idOf(known), other = id !== idOf(was);
      if (other && !id && (!why || why === "connection")) {
        known = was;
        return void later("expired"); // unless an event says more
      }
      if (why == null && (!was || other)) tell("", id);
      listeners.forEach(async (f) =>
        f(was && (other ? id ? "SIGNED_IN" : !why || why === "expired" ? "SESSION_EXPIRED" : "SIGNED_OUT"
          : linked(known) !== linked(was) && "CONNECTION_CHANGED"), known, why));
      tune();
    });
    ear.onmessage = ({ data: { why, id } }) => why == null || id === idOf(known) || look(why);
    addEventListener("pageshow", (e) => e.persisted && look(), over);
    navigator.locks.request("bff" + base, over, () => {
      leading = true;
      tune();
      return new Promise((r) => over.signal.onabort = r);
    }).catch(() => {});
    stop = () => {
      over.abort();
      ear.close();
      hangUp();
      clearTimeout(timer);
      timer = -1;
    };
    look();
  };

  /** @param {string} path @param {Partial<T.Where>} where @returns {Promise<void>} */
  const go = async (path, where) => {
    const url = new URL(path, base), id = crypto.randomUUID();
    const to = (/** @type {string | undefined} */ return_to) => {
      Object.entries({ return_to, scopes: where.scopes?.join(" "), connection: where.connection, login_hint: where.loginHint, prompt: where.prompt })
        .forEach(([k, v]) => v && url.searchParams.set(k, v));
      return url;
    };
    const win = where.popup && open(to("/bff/account/done?id=" + id), "_blank", "popup,width=480,height=720");
    if (!win) page.assign(to(where.returnTo || page.pathname + page.search + page.hash));
    // The outcome comes over the bus: COOP may cut window.opener.
    const ear = bus(), over = new AbortController();
    const code = await new Promise((end) => {
      ear.onmessage = ({ data }) => data.done === id && end(data.error);
      addEventListener("focus", () => setTimeout(() => win && !win.closed || end(0), 1e3), over);
    });
    over.abort();
    ear.close();
    if (code) throw new BFFError({ code });
    tell("connection");
  };

  return {
    getSession,
    login: (where) => go("/bff/login/" + where.provider, where),
    connect: (where) => go("/bff/connect/" + where.provider, where),
    disconnect: (id) => ask("connections/" + id, "DELETE").then(() => tell("connection")),
    listConnections: async () => (await ask("connections")).connections,
    async logout({ everywhere } = {}) {
      if (everywhere) await ask("sessions", "DELETE");
      const out = await ask("logout", "POST");
      tell("logout");
      return out;
    },
    listSessions: async () => (await ask("sessions")).sessions,
    revokeSession: (id) => ask("sessions" + (id ? "/" + id : ""), "DELETE"),

    onAuthStateChange(listener) {
      let told = false;
      /** @type {T.Heard} */
      const f = (event, session, why) => {
        if (!told) event = "INITIAL_SESSION";
        told = true;
        if (event) listener(event, session, why);
      };
      listeners.add(f);
      listeners.size < 2 ? start() : look();
      return () => {
        if (listeners.delete(f) && !listeners.size) stop();
      };
    },

    async fetch(input, init) {
      const given = input instanceof Request && input;
      const url = new URL(given ? given.url : input, baseURL ? base : document.baseURI);
      if (url.origin !== base.origin) return fetch(input, init);
      const send = async () => {
        const q = new Request(given || url, { credentials: "include", ...init });
        q.headers.set("X-CSRF", "1");
        const r = await fetch(q);
        if (!kinds[codeOf(r)]) return r;
        if (r.status === 401) tell("");
        throw await refusal(r);
      };
      return send().catch((error) => {
        const url = error?.fix?.url;
        // A stream is spent; a redirect that was refused would go in circles.
        if (!onFix || !url?.startsWith("/bff/") || given && given.bodyUsed || init?.body instanceof ReadableStream || onFix === "redirect" && page.search.includes("bff_error=")) throw error;
        return (fixing[url] ??= go(url, { popup: onFix === "popup" }).finally(() => delete fixing[url])).then(send, () => {
          throw error;
        });
      });
    },
  };
};
