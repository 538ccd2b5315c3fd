// A page without a browser: the globals that client.js uses, a bff that answers from memory, what a person would do.
// Tabs are clients here: BroadcastChannel is Node's own, the lock and the event stream are shared like a browser's.
import { setTimeout as wait } from "node:timers/promises";

/** Channels that a page leaves open end with it. */
const channels = new Set();
const { BroadcastChannel } = globalThis;
globalThis.BroadcastChannel = class extends BroadcastChannel {
  constructor(name) {
    super(name);
    channels.add(this);
  }
};
export const leave = () => {
  for (const c of channels) c.close();
  channels.clear();
};

export const settle = async () => {
  for (let i = 0; i < 12; i++) await wait(1);
};

export const signedIn = (id = "s_1", connections = [connection()]) => ({
  authenticated: true,
  user: { id: "u_1", provider: "demo", subject: "1", name: "Ada" },
  session: {
    id,
    created_at: "2026-01-01T00:00:00Z",
    idle_expires_at: "2026-01-01T00:30:00Z",
    expires_at: "2026-01-01T12:00:00Z",
  },
  connections,
});

export const signedOut = () => ({
  authenticated: false,
  providers: [{ name: "demo", title: "Demo", login_url: "/bff/login/demo" }],
});

export const connection = (more) => ({
  id: "c_1",
  provider: "demo",
  account: { subject: "1" },
  status: "active",
  scopes: ["openid"],
  connected_at: "2026-01-01T00:00:00Z",
  ...more,
});

export const problem = (code, status, more) =>
  new Response(JSON.stringify({ type: "urn:bff:error:" + code, title: code, status, code, ...more }), {
    status,
    headers: { "Content-Type": "application/problem+json", "BFF-Error": code },
  });

class Stream extends EventTarget {
  static all = [];
  readyState = 0;
  constructor(url, options) {
    super();
    Object.assign(this, { url: String(url), options });
    Stream.all.push(this);
  }
  close() {
    this.readyState = 2;
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
  }
  fails(readyState) {
    this.readyState = readyState;
    this.onerror?.();
  }
  says(event, data) {
    this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
  }
}

class Locks {
  held = new Map();
  async request(name, { signal }, f) {
    const before = this.held.get(name) || Promise.resolve();
    const mine = before.then(() => (signal.aborted ? undefined : f()));
    this.held.set(name, mine);
    await Promise.race([mine, new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)))]);
  }
}

/** Installs a fresh page at href. */
export function page(href = "https://app.example.com/notes?a=b#c") {
  const here = new URL(href),
    events = new EventTarget();
  const p = {
    session: signedOut(),
    preferences: {},
    calls: [],
    went: [],
    popups: [],
    streams: (Stream.all = []),
    blocked: false,
    /** @type {(r: Request) => Response | Promise<Response> | undefined} */
    answer: () => undefined,
    get stream() {
      return p.streams.findLast((s) => s.readyState < 2);
    },
    fire: (type, more) => events.dispatchEvent(Object.assign(new Event(type), more)),
    lookCount: () => p.calls.filter((c) => c.startsWith("GET /bff/session?")).length,
  };
  const location = {
    href: here.href,
    origin: here.origin,
    pathname: here.pathname,
    search: here.search,
    hash: here.hash,
    assign: (to) => p.went.push(new URL(to)),
  };
  const globals = {
    location,
    document: { baseURI: here.href },
    EventSource: Stream,
    navigator: { locks: new Locks() },
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
    open: (url) => {
      if (p.blocked) return null;
      p.popups.push({ url: new URL(url), closed: false });
      return p.popups.at(-1);
    },
    fetch: async (input, init) => {
      const r = new Request(input, init),
        url = new URL(r.url);
      r.signal.throwIfAborted();
      p.calls.push(`${r.method} ${url.pathname}${url.search}`);
      p.last = r;
      const given = await Promise.race([
        p.answer(r),
        new Promise((_, no) => r.signal.addEventListener("abort", () => no(r.signal.reason))),
      ]);
      if (given) return given;
      if (url.pathname === "/bff/session") return Response.json(p.session);
      if (url.pathname === "/bff/preferences") {
        if (!p.session.authenticated) return problem("not_signed_in", 401);
        const tag = JSON.stringify(p.preferences);
        if (r.method === "PATCH") {
          if ((r.headers.get("If-Match") ?? tag) !== tag) return problem("conflict", 412);
          p.preferences = { ...p.preferences, ...(await r.json()) };
        }
        return Response.json(p.preferences, { headers: { ETag: JSON.stringify(p.preferences) } });
      }
      if (url.pathname === "/bff/logout") return ((p.session = signedOut()), Response.json({ logout_url: null }));
      if (r.method === "DELETE") return new Response(null, { status: 204 });
      return Response.json({ path: url.pathname });
    },
  };
  for (const [k, value] of Object.entries(globals))
    Object.defineProperty(globalThis, k, { value, configurable: true, writable: true });
  return p;
}

/** What /bff/account/done does in a popup. */
export function done(popup, error) {
  const id = new URL(popup.url.searchParams.get("return_to"), popup.url).searchParams.get("id");
  const b = new globalThis.BroadcastChannel("bff");
  b.postMessage({ done: id, error });
  b.close();
  popup.closed = true;
}

/** A tab that writes down what it hears. */
export function listen(client) {
  const heard = [];
  const stop = client.onAuthStateChange((event, session, reason) =>
    heard.push([event, session.authenticated, reason].filter((x) => x !== undefined && x !== "").join(" ")),
  );
  return { heard, stop };
}
