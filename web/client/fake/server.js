// A bff that answers from memory, for looking at the pages without the real one:
// `node fake/server.js [PORT]`, then open it.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
const before = (minutes) => new Date(Date.now() - minutes * 60e3).toISOString();
const g = "https://www.googleapis.com/auth/";

const providers = (signedIn) =>
  [
    ["google", "Google"],
    ["github", "GitHub"],
    ["demo", "Demo"],
  ].map(([name, title]) => ({
    name,
    title,
    login_url: "/bff/login/" + name,
    ...(signedIn && { connect_url: "/bff/connect/" + name }),
  }));

/** The file with all that is kept. */
const kept = ({ identities, uses, connections, sessions, preferences }) => ({
  user: { id: "u_1" },
  identities,
  connections,
  sessions,
  preferences,
  uses,
});

/** What is there at the start of each scenario. */
export function fresh() {
  return {
    signedIn: true,
    outage: false,
    failing: false,
    /** @type {Record<string, [type: string, body: string]>} further files */
    files: {},
    preferences: {},
    /** @type {{ name: string | null, logo: string | null, providers: Record<string, object> }} */
    app: {
      name: null,
      logo: null,
      providers: {
        github: {
          color: "#24292f",
          scopes: {
            "read:user": ["who", "See your profile", "Ihr Profil sehen"],
            repo: ["change", "See and change all your repositories", "Alle Ihre Repositorys sehen und ändern"],
          },
        },
      },
    },
    created: before(600),
    rights: [],
    identities: [
      { provider: "google", title: "Google", subject: "1", email: "ada@example.com", sign_in: true },
      { provider: "github", title: "GitHub", subject: "3", name: "ada", sign_in: false },
    ],
    uses: [],
    /** What was posted to connect an account. */
    posted: [],
    moreProviders: [],
    logoutURL: "https://accounts.example.com/logout?client_id=x",
    connections: [
      {
        id: "c_1",
        provider: "google",
        title: "Google",
        account: { subject: "1", email: "ada@example.com", name: "Ada Lovelace" },
        status: "active",
        scopes: ["openid", g + "userinfo.email", g + "userinfo.profile", g + "calendar.readonly", g + "drive.file"],
        connected_at: before(4500),
        used_at: before(2),
      },
      {
        id: "c_2",
        provider: "google",
        title: "Google",
        account: { subject: "2", email: "ada.lovelace@analytical-engines.example.org" },
        status: "needs_reauth",
        reason: "session_policy",
        scopes: ["openid", g + "calendar.readonly"],
        connected_at: before(90000),
        used_at: before(1500),
      },
      {
        id: "c_3",
        provider: "github",
        title: "GitHub",
        account: { subject: "3", name: "ada" },
        status: "active",
        scopes: ["read:user", "repo", "codespace:secrets"],
        connected_at: before(60),
      },
    ],
    sessions: [
      { id: "s_1", device: "Firefox on Linux", created_at: before(600), last_seen_at: before(0), current: true },
      { id: "s_2", device: "Safari on iPhone", created_at: before(9000), last_seen_at: before(200), current: false },
      { id: "s_3", device: "Edge on Windows", created_at: before(20000), last_seen_at: before(12000), current: false },
    ],
  };
}

function session(state) {
  if (!state.signedIn) return { authenticated: false, providers: providers(false) };
  return {
    authenticated: true,
    user: {
      id: "u_1",
      provider: "google",
      subject: "1",
      name: "Ada Lovelace",
      email: "ada@example.com",
      email_verified: true,
      picture: "https://elsewhere.example/ada.png",
      rights: state.rights,
      created_at: "2026-01-02T03:04:05Z",
    },
    session: { id: "s_1", created_at: state.created, idle_expires_at: before(-28), expires_at: before(-120) },
    connections: state.connections,
    providers: [...providers(true), ...state.moreProviders],
  };
}

const tag = (value) => `"${createHash("sha256").update(JSON.stringify(value)).digest("base64url").slice(0, 12)}"`;

/** GET and PATCH /bff/preferences: a merge of one level is enough here. */
async function answerPreferences(q, r, state) {
  let body = "";
  for await (const chunk of q) body += chunk;
  const match = q.headers["if-match"];
  if (match && match !== tag(state.preferences)) {
    return r
      .writeHead(412, { "Content-Type": "application/problem+json", "BFF-Error": "conflict" })
      .end(JSON.stringify({ code: "conflict", status: 412 }));
  }
  if (q.method === "PATCH") {
    const merged = Object.entries({ ...state.preferences, ...JSON.parse(body) }).filter(([, v]) => v !== null);
    state.preferences = Object.fromEntries(merged);
  }
  r.writeHead(200, { "Content-Type": "application/json", ETag: tag(state.preferences) }).end(
    JSON.stringify(state.preferences),
  );
}

const logo = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4"/></svg>';

/** POST /bff/connect/{provider}: an ordinary form, an ordinary way back. */
async function takeForm(q, r, state) {
  let body = "";
  for await (const chunk of q) body += chunk;
  const form = Object.fromEntries(new URLSearchParams(body));
  state.posted.push([q.url, form]);
  r.writeHead(303, { Location: form.return_to }).end();
}

const files = {
  "/bff/client.js": "client.js",
  "/bff/account": "../account/index.html",
  "/bff/account/done": "../account/done.html",
};
const fileOf = (path) =>
  files[path] || path.match(/^\/bff\/account\/([a-z]+\.(?:js|css|svg))$/)?.[1].replace(/^/, "../account/");

/** @returns {Promise<{ url: string, state: ReturnType<typeof fresh>, streams: Set<any>,
 *   say: (event: string, data: unknown) => void, close: () => void }>} */
export async function serve(port = 0) {
  const self = {
    state: fresh(),
    streams: new Set(),
    say: (event, data) => self.streams.forEach((s) => s.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)),
  };
  const server = createServer((q, r) => {
    const { pathname, searchParams } = new URL(q.url, "http://x"),
      { state } = self,
      route = q.method + " " + pathname;
    const json = (body, status = 200) =>
      r
        .writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" })
        .end(JSON.stringify(body));
    const problem = (code, status) =>
      r
        .writeHead(status, { "Content-Type": "application/problem+json", "BFF-Error": code })
        .end(JSON.stringify({ code, status }));
    const empty = () => r.writeHead(204).end();
    const own = state.files[pathname];
    if (own) return r.writeHead(200, { "Content-Type": own[0] }).end(own[1]);
    if (pathname === "/bff/account/app.json") return json(state.app);
    if (pathname === "/bff/account/marks.svg") {
      const svg = '<svg xmlns="http://www.w3.org/2000/svg"><symbol id="github" viewBox="0 0 44 44">'
        + '<rect width="44" height="44" fill="#24292f"/></symbol></svg>';
      return r.writeHead(200, { "Content-Type": "image/svg+xml" }).end(svg);
    }
    if (route === "GET /bff/account/logo.svg") return r.writeHead(200, { "Content-Type": types[".svg"] }).end(logo);
    const file = q.method === "GET" && fileOf(pathname);
    if (file)
      return r
        .writeHead(200, { "Content-Type": types[extname(file)], "Content-Security-Policy": policy })
        .end(readFileSync(new URL("../" + file, import.meta.url)));
    if (q.method === "POST" && pathname.startsWith("/bff/connect/")) return takeForm(q, r, state);
    if (pathname.startsWith("/bff/login/")) state.created = before(0);
    if (pathname.match(/^\/bff\/(login|connect)\//))
      return r.writeHead(303, { Location: searchParams.get("return_to") }).end();
    if (pathname === "/")
      return r
        .writeHead(200, { "Content-Type": types[".html"] })
        .end("<!doctype html><title>app</title><link rel=icon href=data:,>");
    if (state.outage) return problem("store_unavailable", 503);
    if (route === "GET /bff/session") return json(session(state));
    if (!state.signedIn)
      return route === "POST /bff/logout" ? json({ logout_url: null }) : problem("not_signed_in", 401);
    if (state.failing && q.method !== "GET") return problem("store_unavailable", 503);
    if (route === "GET /bff/account/export") return json(kept(state));
    if (route === "DELETE /bff/account") {
      if (Date.now() - Date.parse(state.created) > 300e3) return problem("not_signed_in", 401);
      Object.assign(state, { signedIn: false, connections: [], identities: [] });
      empty();
      return void setTimeout(() => self.say("session.ended", { reason: "erased" }), 20);
    }
    if (route === "GET /bff/sessions") return json({ sessions: state.sessions });
    if (pathname === "/bff/preferences") return answerPreferences(q, r, state);
    if (route === "GET /bff/events") {
      r.writeHead(200, { "Content-Type": "text/event-stream" }).write("retry: 2000\n\n");
      self.streams.add(r);
      return r.on("close", () => self.streams.delete(r));
    }
    if (route === "POST /bff/logout") return ((state.signedIn = false), json({ logout_url: state.logoutURL }));
    if (route === "DELETE /bff/sessions") return ((state.sessions = state.sessions.filter((s) => s.current)), empty());
    const [, kind, id] = pathname.match(/^\/bff\/(sessions|connections)\/(\w+)$/) || [];
    if (kind && q.method === "DELETE") return ((state[kind] = state[kind].filter((x) => x.id !== id)), empty());
    problem("not_found", 404);
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  self.url = "http://127.0.0.1:" + server.address().port;
  self.close = () => (server.closeAllConnections(), server.close());
  return self;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log((await serve(Number(process.argv[2]) || 0)).url + "/bff/account");
