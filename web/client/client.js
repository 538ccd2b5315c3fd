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
const refusal = async (r) =>
  new (kinds[codeOf(r)] || BFFError)({ status: r.status, code: codeOf(r), ...await r.json().catch(() => {}) });

/** @param {T.Session} [s] */
const idOf = (s) => s?.authenticated ? s.session.id : "";

/** @param {T.Session} s */
const linked = (s) => JSON.stringify(s, ["connections", "id", "status", "reason", "scopes", "sign_in"]);

/** @param {T.Session} s */
const person = (s) => s.authenticated && JSON.stringify(s.user);

const bus = () => new BroadcastChannel("bff");

/** Says to every tab, this one too, what changed. @param {string} why @param {string} [id] of the new session */
const announce = (why, id) => {
  const channel = bus();
  channel.postMessage({ why, id });
  channel.close();
};

/** @type {(options?: T.ClientOptions) => T.Client} */
export const createClient = ({ baseURL, onFix } = {}) => {
  const page = globalThis.location;
  const base = new URL(baseURL || "/", page?.href || "http://localhost");
  /** @type {Set<T.Notify>} */
  const sessionListeners = new Set();
  /** @type {Set<(preferences?: T.Preferences) => void>} */
  const preferenceListeners = new Set();
  /** @type {Record<string, Promise<void>>} */
  const fixing = {};
  /** @type {ReturnType<typeof startWatch> | undefined} there is one while somebody listens */
  let watch;
  /** @type {T.Preferences | undefined} what the listeners know */
  let preferences;
  /** @type {Promise<any>} reads and writes of the preferences happen one after the other */
  let turn = Promise.resolve();

  /** @param {string} path @param {string} [method] @param {any} [body] @param {string | null} [match] */
  const send = async (path, method, body, match) => {
    const r = await fetch(new URL("/bff/" + path, base), {
      method,
      credentials: "include",
      headers: {
        "X-CSRF": "1",
        ...body && { "Content-Type": "application/merge-patch+json" },
        ...match && { "If-Match": match.replace("W/", "") }, // a front proxy that compresses makes tags weak
      },
      body: body && JSON.stringify(body),
    });
    if (!r.ok) throw await refusal(r);
    return r;
  };

  /** @param {string} path @param {string} [method] @param {any} [body] */
  const ask = async (path, method, body) => {
    const r = await send(path, method, body);
    if (r.status < 204) return r.json();
  };

  const getSession = ({ touch = true } = {}) => ask("session?touch=" + touch);

  const getPreferences = () => ask("preferences");

  /** Tells the listeners, when it is new to them. @param {T.Preferences} now */
  const preferencesAre = (now) => {
    if (!watch || JSON.stringify(now) === JSON.stringify(preferences)) return;
    preferences = now;
    preferenceListeners.forEach(async (f) => f(now));
  };

  // Follows the session. Every tab hears the bus; the one that holds the lock has the event stream, for all of them.
  const startWatch = () => {
    const channel = bus(), over = new AbortController(), { signal } = over;
    /** @type {T.Session} */
    let known;
    /** @type {*} */
    let stream;
    let timer = 0, leading = false, checking = Promise.resolve(), missed = false, asked = false;
    const hangUp = () => stream = stream?.close();
    /** @param {string} [why] */
    const later = (why) => signal.aborted || (timer ||= setTimeout(() => {
      timer = 0;
      check(why);
    }, why ? 1e3 : 5e3));
    const checkPreferences = () => {
      if (!known || asked || !preferenceListeners.size) return;
      asked = true;
      turn = turn.then(async () => {
        asked = false;
        try {
          preferencesAre(idOf(known) ? await getPreferences() : {});
          missed = false;
        } catch {
          missed = true;
          later();
        }
      });
    };
    const listen = () => {
      if (!idOf(known)) hangUp();
      else if (leading && !stream && !timer) {
        stream = new EventSource(new URL("/bff/events", base), { withCredentials: true });
        stream.onopen = () => {
          check();
          announce("preferences");
        };
        stream.onerror = () => {
          if (stream?.readyState > 1) hangUp(), later();
        };
        stream.addEventListener("connection.changed", () => announce("connection"));
        stream.addEventListener("user.changed", () => announce("connection"));
        stream.addEventListener("preferences.changed", () => announce("preferences"));
        stream.addEventListener("session.ended", (/** @type {MessageEvent} */ e) =>
          announce(JSON.parse(e.data).reason));
      }
    };
    /** Reads the session and says what is new. An outage is nothing new. @param {string} [why] */
    const check = (why) => checking = checking.then(async () => {
      if (signal.aborted) return;
      const was = known;
      const now = await getSession({ touch: false }).catch(() => (later(), was));
      if (signal.aborted || !now) return;
      const id = idOf(now), other = id !== idOf(was);
      if (other && !id && (!why || why === "connection")) return void later("expired"); // unless an event says more
      known = now;
      if (why == null && (!was || other)) announce("", id);
      const event = was && (other
        ? id ? "SIGNED_IN" : !why || why === "expired" ? "SESSION_EXPIRED" : "SIGNED_OUT"
        : linked(now) !== linked(was) ? "CONNECTION_CHANGED" : person(now) !== person(was) && "USER_CHANGED");
      sessionListeners.forEach(async (f) => f(event, now, why));
      if (!was || other || missed) checkPreferences();
      if (!was) lead();
      listen();
    });
    channel.onmessage = ({ data: { why, id } }) =>
      why === "preferences" ? checkPreferences() : why == null || id === idOf(known) || check(why);
    addEventListener("pageshow", (e) => e.persisted && (check(), checkPreferences()), over);
    // Chromium keeps a request that is aborted at once. So it comes after the first check, which a watch that
    // was stopped in its first tick never ends; and one that was granted to a stopped watch gives the lock back.
    const lead = () => navigator.locks.request("bff" + base, over, () => {
      if (signal.aborted) return;
      leading = true;
      listen();
      return new Promise((r) => signal.onabort = r);
    }).catch(() => {});
    check();
    return {
      check,
      checkPreferences,
      stop() {
        over.abort();
        channel.close();
        hangUp();
        clearTimeout(timer);
      },
    };
  };

  /** Adds a listener, starts the watch with the first one and stops it with the last. @template F
   * @param {Set<F>} listeners @param {F} f @param {() => void} first what makes the listener know the present */
  const follow = (listeners, f, first) => {
    listeners.add(f);
    if (watch) first();
    else {
      preferences = undefined;
      watch = startWatch();
    }
    return () => {
      if (listeners.delete(f) && !sessionListeners.size && !preferenceListeners.size) watch = void watch?.stop();
    };
  };

  /** @param {string} path @param {Partial<T.Where>} where @returns {Promise<void>} */
  const go = async (path, where) => {
    const url = new URL(path, base), id = crypto.randomUUID();
    const to = (/** @type {string | undefined} */ return_to) => {
      Object.entries({
        return_to,
        scopes: where.scopes?.join(" "),
        connection: where.connection,
        login_hint: where.loginHint,
        prompt: where.prompt,
      }).forEach(([k, v]) => v && url.searchParams.set(k, v));
      return url;
    };
    const win = where.popup && open(to("/bff/account/done?id=" + id), "_blank", "popup,width=480,height=720");
    if (!win) page.assign(to(where.returnTo || page.pathname + page.search + page.hash));
    // The outcome comes over the bus: COOP may cut window.opener.
    const channel = bus(), over = new AbortController();
    const code = await new Promise((end) => {
      channel.onmessage = ({ data }) => data.done === id && end(data.error);
      addEventListener("focus", () => setTimeout(() => win && !win.closed || end(0), 1e3), over);
    });
    over.abort();
    channel.close();
    if (code) throw new BFFError({ code });
    announce("connection");
  };

  return {
    getSession,
    login: (where) => go("/bff/login/" + where.provider, where),
    connect: (where) => go("/bff/connect/" + where.provider, where),
    disconnect: (id) => ask("connections/" + id, "DELETE").then(() => announce("connection")),
    listConnections: async () => (await ask("connections")).connections,
    async logout({ everywhere } = {}) {
      if (everywhere) await ask("sessions", "DELETE");
      const out = await ask("logout", "POST");
      announce("logout");
      return out;
    },
    listSessions: async () => (await ask("sessions")).sessions,
    revokeSession: (id) => ask("sessions" + (id ? "/" + id : ""), "DELETE"),

    getPreferences,
    setPreferences(patch) {
      const write = async (tries = 5) => {
        try {
          if (typeof patch !== "function") return await ask("preferences", "PATCH", patch);
          const r = await send("preferences");
          return await (await send("preferences", "PATCH", patch(await r.json()), r.headers.get("ETag"))).json();
        } catch (error) {
          if (tries && error instanceof BFFError && error.problem.code === "conflict") return write(tries - 1);
          throw error;
        }
      };
      const done = turn.then(() => write());
      turn = done.then((now) => {
        preferencesAre(now);
        announce("preferences");
      }, () => {});
      return done;
    },
    onPreferencesChange: (listener) => {
      const f = (/** @type {T.Preferences | undefined} */ now = preferences) => now && listener(now);
      return follow(preferenceListeners, f, () =>
        preferences ? turn.then(() => f()) : watch?.checkPreferences());
    },

    onAuthStateChange(listener) {
      let started = false;
      /** @type {T.Notify} */
      const f = (event, session, why) => {
        if (!started) event = "INITIAL_SESSION";
        started = true;
        if (event) listener(event, session, why);
      };
      return follow(sessionListeners, f, () => watch?.check());
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
        if (r.status === 401) announce("");
        throw await refusal(r);
      };
      return send().catch((error) => {
        const url = error?.fix?.url;
        // A stream is spent; a redirect that was refused would go in circles.
        if (!onFix || !url?.startsWith("/bff/") || given && given.bodyUsed || init?.body instanceof ReadableStream
          || onFix === "redirect" && page.search.includes("bff_error=")) throw error;
        fixing[url] ??= go(url, { popup: onFix === "popup" }).finally(() => delete fixing[url]);
        return fixing[url].then(send, () => {
          throw error;
        });
      });
    },
  };
};
