// The demo app of `bff dev`. The upper half of this file is what any app does with bff; scenes.js is the panel that explains it.
/** @import { Connection, Session } from "/bff/types.js" */
import { ConsentRequiredError, LoginRequiredError, ReconnectRequiredError, createClient } from "/bff/client.js";
import { face, h, icon } from "/bff/account/ui.js";
import { Scenes } from "./scenes.js";

const bff = createClient(); // throws what a person can mend
const asking = createClient({ onFix: "popup" }); // asks the person, then goes on

/** @typedef {{ id: string, summary: string, location?: string, start: { dateTime: string }, end: { dateTime: string } }} Event */
/** @typedef {{ id: string, name: string, size: string, modifiedTime: string }} File */
/** @typedef {{ events?: Event[], state: "loading" | "good" | "waiting" | "consent" | "reconnect" | "offline", status?: number, took?: number, code?: string, again: number }} Week */

const every = 5000; // a call to the API: often enough to outlive many 30-second tokens while somebody watches

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Session | undefined} */
let session;
/** @type {Map<string, Week>} by connection */
const weeks = new Map();
/** @type {{ state: "closed" | "asking" | "open" | "refused", list: File[] }} */
let files = { state: "closed", list: [] };
let left = ""; // why nobody is signed in any more

const scenes = new Scenes({ strip: at("strip"), side: at("side"), banner: at("banner"), changed: () => (session?.authenticated ? callAll() : undefined) });

/** @returns {Connection[]} */
const connections = () => session?.authenticated ? session.connections : [];

// The API, with nothing but a cookie. Which of two accounts is meant is a header.
/** @param {Connection} c */
async function loadWeek(c) {
  const before = weeks.get(c.id), begun = performance.now();
  /** @type {Week} */
  const week = { events: before?.events, state: "good", again: Date.now() + every };
  weeks.set(c.id, { ...(before || { state: "loading" }), again: Date.now() + 30e3 });
  try {
    const [from, to] = thisWeek();
    const query = new URLSearchParams({ timeMin: from.toISOString(), timeMax: to.toISOString(), singleEvents: "true", orderBy: "startTime" });
    const answer = await bff.fetch("/api/calendar/calendars/primary/events?" + query, { headers: { "BFF-Connection": c.id } });
    week.status = answer.status;
    if (answer.ok) {
      week.events = (await answer.json()).items;
    } else {
      week.state = "waiting";
      week.code = answer.headers.get("BFF-Error") || "the API's own answer";
      week.again = Date.now() + Math.max(2, Number(answer.headers.get("Retry-After")) || 2) * 1000;
    }
  } catch (error) {
    if (error instanceof LoginRequiredError) return; // onAuthStateChange has it
    if (error instanceof ReconnectRequiredError) week.state = "reconnect";
    else if (error instanceof ConsentRequiredError) week.state = "consent";
    else week.state = "offline";
  }
  week.took = Math.round(performance.now() - begun);
  if (before && before.state !== week.state && before.state !== "loading") scenes.turned(nameOf(c), week.state, week.code);
  if (!connections().some((x) => x.id === c.id)) return;
  weeks.set(c.id, week);
  scenes.weeks = weeks;
  draw();
}

// A feature that needs one more permission: asked for when it is wanted, not at sign-in.
async function openFiles() {
  files = { state: "asking", list: [] };
  draw();
  scenes.say("page", "GET /api/files/files: this needs one more permission. If bff says missing_scopes, its client opens the fix in a popup and repeats the call.");
  try {
    const answer = await asking.fetch("/api/files/files", { headers: { "BFF-Connection": connections()[0].id } });
    if (!answer.ok) throw new Error(answer.headers.get("BFF-Error") || String(answer.status));
    files = { state: "open", list: (await answer.json()).files };
    scenes.say("page", "The files are here. The page asked once and waited; the grant grew on the server.");
  } catch (error) {
    files = { state: error instanceof ConsentRequiredError ? "refused" : "closed", list: [] };
    scenes.say("page", error instanceof ConsentRequiredError ? "No permission, no files; everything else goes on." : "The files could not be loaded.");
  }
  draw();
}

/** @param {Promise<unknown>} mending */
const mend = (mending) => mending.then(callAll, (error) => {
  scenes.say("page", "That did not work: " + error.message);
  callAll();
});

function callAll() {
  for (const c of connections()) loadWeek(c);
}

setInterval(() => {
  if (document.visibilityState === "hidden") return;
  for (const c of connections()) {
    const week = weeks.get(c.id);
    if (!week || (Date.now() >= week.again && week.state !== "reconnect" && week.state !== "consent")) loadWeek(c);
  }
}, 500);

bff.onAuthStateChange((event, now, reason) => {
  session = now;
  const ids = new Set(connections().map((c) => c.id));
  for (const id of weeks.keys()) if (!ids.has(id)) weeks.delete(id);
  if (!now.authenticated) {
    if (event !== "INITIAL_SESSION") left = reason || "expired";
    files = { state: "closed", list: [] };
  }
  scenes.heard(event, now, reason);
  if (now.authenticated && left) scenes.say("page", goodbyes[left] || "That did not work: " + left);
  if (now.authenticated) left = "";
  draw();
  callAll();
});

const failed = new URLSearchParams(location.search).get("bff_error");
if (failed) {
  history.replaceState(null, "", location.pathname);
  left = failed;
}

// What it looks like.

function thisWeek() {
  const from = new Date();
  from.setHours(0, 0, 0, 0);
  from.setDate(from.getDate() - (from.getDay() + 6) % 7);
  const to = new Date(from);
  to.setDate(to.getDate() + 7);
  return [from, to];
}

/** @param {Connection} c */
const nameOf = (c) => c.account.name || c.account.email || c.account.subject;

/** @type {WeakMap<Element, string>} */
const painted = new WeakMap();

/** Draws a region, if what it shows has changed. @param {HTMLElement} el @param {unknown} shown @param {() => any[]} build */
function paint(el, shown, build) {
  const key = JSON.stringify(shown);
  if (painted.get(el) === key) return;
  painted.set(el, key);
  const focused = el.contains(document.activeElement) ? document.activeElement?.id : "";
  el.replaceChildren(...build().flat().filter(Boolean));
  if (focused) document.getElementById(focused)?.focus();
}

function draw() {
  if (!session) return;
  document.body.classList.toggle("in", session.authenticated);
  const shownWeeks = connections().map((c) => [c, weeks.get(c.id)]);
  paint(at("nav"), session.authenticated && session.user, drawNav);
  paint(at("hero"), [session.authenticated, left], drawHero);
  paint(at("app"), [session.authenticated, shownWeeks.map(([c, w]) => [c, w && { ...w, again: 0 }]), files], drawApp);
  scenes.draw();
}

/** @type {Record<string, string>} */
const goodbyes = {
  logout: "You signed out. The session is gone on every instance, in every tab; the provider was not told to forget the app.",
  provider: "The provider told bff that you signed out elsewhere (back-channel logout). Every tab knew within a second.",
  ended_elsewhere: "This session was ended from another device. Every tab knew within a second.",
  expired: "The session ran out.",
  access_denied: "You said no at the provider. Nothing was signed in, nothing was kept.",
  login_expired: "That sign-in took too long, or was used before. Start again.",
  provider_unavailable: "The provider does not answer. Bring it up again below, then sign in.",
};

function drawNav() {
  if (!session?.authenticated) return [h("a", { class: "button quiet", href: "/bff/account" }, "Account")];
  const { user } = session;
  return [
    h("span", { class: "me" }, face(user.subject, user.name || user.subject, "small"), h("span", null, user.name || user.subject)),
    h("a", { class: "button quiet", href: "/bff/account" }, "Account"),
    h("button", { class: "button", type: "button", id: "sign-out", onclick: () => bff.logout() }, "Sign out"),
  ];
}

function drawHero() {
  if (session?.authenticated) return [];
  return [
    left && h("p", { class: "farewell", role: "status" }, icon("info"), h("span", null, goodbyes[left] || "That did not work (" + left + "). Try again.")),
    h("h1", null, "Your app calls APIs. ", h("br"), "The browser never holds a token."),
    h("p", { class: "lead" }, "Sign in and watch: tokens that live 30 seconds, renewed on the server while the page knows nothing. Then break things."),
    h("p", null, h("button", { class: "button primary big", type: "button", id: "sign-in", onclick: () => bff.login({ provider: "demo" }) }, "Sign in with Demo"),
      h("span", { class: "hint" }, "Pick Ada, Grace or Linus. No password, nothing leaves this machine.")),
  ];
}

function drawApp() {
  if (!session?.authenticated) return [];
  const list = connections();
  return [
    h("h1", { class: "unseen" }, "The demo app"),
    list.length ? h("div", { class: list.length > 1 ? "weeks two" : "weeks" }, list.map(drawWeek))
      : h("p", { class: "fix" }, "No account is linked, so there is nothing to call an API with. The session is its own thing: you are still signed in."),
    h("div", { class: "more" },
      h("button", { class: "button", type: "button", id: "link", onclick: () => mend(bff.connect({ provider: "demo", popup: true, prompt: "select_account" })) }, icon("plus", 16),
        list.length ? "Link another person" : "Link a person"),
      h("span", { class: "hint" }, list.length > 1 ? "Each call says which account it means, in the header BFF-Connection." : list.length ? "Two accounts side by side, in one session." : "Back to where you were.")),
    list.length > 0 && drawFiles(list[0]),
  ];
}

/** @param {Connection} c */
function drawWeek(c) {
  const week = weeks.get(c.id), broken = c.status !== "active" || week?.state === "reconnect", name = nameOf(c);
  const reconnect = () => mend(bff.connect({ provider: c.provider, connection: c.id, popup: true }));
  return h("section", { class: "card", "aria-labelledby": "name-" + c.id },
    h("header", null,
      face(c.account.subject, name),
      h("div", null, h("h2", { id: "name-" + c.id }, name.split(" ")[0] + "’s week"), h("p", { class: "hint" }, c.account.email)),
      meta(week, broken)),
    broken && h("div", { class: "fix warn" }, h("p", null, h("strong", null, "This link needs you."), " The provider took the grant back, so the server has nothing to renew with. You are still signed in, and other accounts go on."),
      h("button", { class: "button primary", type: "button", id: "fix-" + c.id, onclick: reconnect }, "Link " + name.split(" ")[0] + " again")),
    week?.state === "consent" && h("div", { class: "fix" }, h("p", null, "You did not allow the calendar at the provider."),
      h("button", { class: "button primary", type: "button", id: "ask-" + c.id, onclick: () => mend(bff.connect({ provider: c.provider, connection: c.id, popup: true,
        scopes: ["https://www.googleapis.com/auth/calendar.readonly"] })) }, "Ask again")),
    days(week?.events, broken || week?.state === "waiting" || week?.state === "offline"));
}

/** @param {Week | undefined} week @param {boolean} broken */
function meta(week, broken) {
  if (!week || week.state === "loading") return h("span", { class: "pill" }, "calling …");
  if (broken || week.state === "consent") return h("span", { class: "pill warn" }, "403 " + (broken ? "needs_reauth" : "missing_scopes"));
  if (week.state === "offline") return h("span", { class: "pill bad" }, "bff does not answer");
  return h("span", { class: week.state === "good" ? "pill good" : "pill warn" }, week.state === "good" ? `200 in ${week.took} ms` : `${week.status} ${week.code}`);
}

/** @param {Event[] | undefined} events @param {boolean} stale */
function days(events, stale) {
  const [monday] = thisWeek(), today = new Date().toDateString();
  const time = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  return h("ol", { class: stale ? "days stale" : "days" }, [...Array(7).keys()].map((i) => {
    const day = new Date(monday);
    day.setDate(day.getDate() + i);
    const own = (events || []).filter((e) => new Date(e.start.dateTime).toDateString() === day.toDateString());
    return h("li", { class: day.toDateString() === today ? "day today" : "day" },
      h("h3", null, day.toLocaleDateString("en", { weekday: "short" }), " ", h("span", null, day.getDate()), day.toDateString() === today && h("span", { class: "unseen" }, ", today")),
      h("ul", null, own.map((e) => h("li", { class: "event" }, h("span", { class: "time" }, time.format(new Date(e.start.dateTime))), " ", h("span", null, e.summary)))));
  }));
}

/** @param {Connection} c */
function drawFiles(c) {
  const { state, list } = files, size = (/** @type {number} */ n) => n < 1000 ? n + " B" : (n / 1000).toFixed(1) + " kB";
  return h("section", { class: "card", "aria-labelledby": "files" },
    h("header", null, h("span", { class: "mark tone-7", "aria-hidden": "true" }, icon(state === "open" ? "file" : "lock", 22)),
      h("div", null, h("h2", { id: "files" }, nameOf(c).split(" ")[0] + "’s files"), h("p", { class: "hint" }, "Needs one more permission than the sign-in asked for.")),
      state !== "open" && h("button", { class: "button primary", type: "button", id: "open-files", "aria-disabled": state === "asking" && "true", onclick: () => state !== "asking" && openFiles() },
        state === "asking" ? "Waiting for you …" : state === "refused" ? "Ask again" : "Show files")),
    state === "refused" && h("p", { class: "hint" }, "You said no. The app goes on without files."),
    state === "open" && h("ul", { class: "files" }, list.map((f) =>
      h("li", null, icon("file", 18), h("a", { href: `/api/files/files/${encodeURIComponent(f.id)}?alt=media&bff_connection=${encodeURIComponent(c.id)}`, download: f.name }, f.name),
        h("span", { class: "hint" }, size(Number(f.size)))))));
}
