// The demo app of `bff dev`. The upper half of this file is what any app does with bff; view.js draws it, and scenes.js
// is the panel that explains it.
/** @import { Connection, Preferences, Session } from "/bff/types.js" */
import { ConsentRequiredError, LoginRequiredError, ReconnectRequiredError, createClient } from "/bff/client.js";
import { Scenes } from "./scenes.js";
import { View, thisWeek } from "./view.js";

const bff = createClient(); // throws what a person can put right
const asking = createClient({ onFix: "popup" }); // asks the person, then goes on

/** @typedef {{ id: string, summary: string, start: { dateTime: string }, end: { dateTime: string } }} Event */
/** @typedef {{ id: string, name: string, size: string, modifiedTime: string }} File */
/** @typedef {"loading" | "good" | "waiting" | "consent" | "reconnect" | "offline"} WeekState */
/** @typedef {{ events?: Event[], state: WeekState, status?: number, took?: number, code?: string,
 *   again: number }} Week */
/** @typedef {{ state: "closed" | "asking" | "open" | "refused", list: File[] }} Files */
/** @typedef {{ greeting?: string, rights?: string[], claims?: Record<string, unknown>, failed?: string }} Greeting */

const every = 5000; // a call to the API: often enough to outlive many 30-second tokens while somebody watches

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** What is shown. */
const state = {
  /** @type {Session | undefined} */
  session: undefined,
  /** @type {Map<string, Week>} by connection */
  weeks: new Map(),
  /** @type {Files} */
  files: { state: "closed", list: [] },
  /** @type {Greeting | undefined} what the app's own backend answered */
  greeting: undefined,
  /** @type {Preferences} */
  preferences: {},
  left: "", // why nobody is signed in any more
  mode: "up", // of the provider
  /** @type {string[]} further origins of this app */
  fronts: [],
};

/** @returns {Connection[]} */
const connections = () => state.session?.authenticated ? state.session.connections : [];

/** @param {Connection} c */
const nameOf = (c) => c.account.name || c.account.email || c.account.subject;

// The API, with nothing but a cookie. Which of two accounts is meant is a header.
/** @param {Connection} c */
async function loadWeek(c) {
  const before = state.weeks.get(c.id), begun = performance.now();
  /** @type {Week} */
  const week = { events: before?.events, state: "good", again: Date.now() + every };
  state.weeks.set(c.id, { ...(before || { state: "loading" }), again: Date.now() + 30e3 });
  try {
    const [from, to] = thisWeek();
    const query = new URLSearchParams({ timeMin: from.toISOString(), timeMax: to.toISOString(), singleEvents: "true",
      orderBy: "startTime" });
    const path = "/api/calendar/calendars/primary/events?" + query;
    const answer = await bff.fetch(path, { headers: { "BFF-Connection": c.id } });
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
  if (before && before.state !== week.state && before.state !== "loading") {
    scenes.turned(nameOf(c), week.state, week.code);
  }
  if (!connections().some((x) => x.id === c.id)) return;
  state.weeks.set(c.id, week);
  draw();
}

// A feature that needs one more permission: asked for when it is wanted, not at sign-in.
async function openFiles() {
  state.files = { state: "asking", list: [] };
  draw();
  scenes.say("page", "GET /api/files/files: this needs one more permission. If bff says missing_scopes, its client " +
    "opens the fix in a popup and repeats the call.");
  try {
    const answer = await asking.fetch("/api/files/files", { headers: { "BFF-Connection": connections()[0].id } });
    if (!answer.ok) throw new Error(answer.headers.get("BFF-Error") || String(answer.status));
    state.files = { state: "open", list: (await answer.json()).files };
    scenes.say("page", "The files are here. The page asked once and waited; the grant grew on the server.");
  } catch (error) {
    const refused = error instanceof ConsentRequiredError;
    state.files = { state: refused ? "refused" : "closed", list: [] };
    scenes.say("page", refused ? "No permission, no files; everything else goes on."
      : "The files could not be loaded.");
  }
  draw();
}

// The app's own backend, behind bff: the same fetch.
async function askBackend() {
  try {
    const answer = await bff.fetch("/app/greeting");
    state.greeting = answer.ok ? await answer.json()
      : { failed: answer.headers.get("BFF-Error") || String(answer.status) };
  } catch (error) {
    if (error instanceof LoginRequiredError) return;
    state.greeting = { failed: /** @type {Error} */ (error).message };
  }
  draw();
}

// What a person chose follows them: to every tab, and to the next browser they sign in with.
let choosing = false;
/** @param {Preferences} patch */
async function choose(patch) {
  choosing = true;
  await bff.setPreferences(patch).catch((error) => scenes.say("page", "That could not be kept: " + error.message));
  choosing = false;
}

bff.onPreferencesChange((preferences) => {
  const was = state.preferences, inside = state.session?.authenticated;
  state.preferences = preferences;
  const chosen = ["theme", "language"].filter((k) => preferences[k] && preferences[k] !== was[k])
    .map((k) => k + ": " + preferences[k]).join(", ");
  if (chosen && inside) {
    scenes.say("bff", choosing
      ? `Your choice is kept with you on the server (${chosen}). It is on every device of yours.`
      : `What you chose somewhere else has come here (${chosen}).`);
  }
  draw();
});

/** @param {Promise<unknown>} repair */
const afterwards = (repair) => repair.then(callAll, (error) => {
  scenes.say("page", "That did not work: " + error.message);
  callAll();
});

function callAll() {
  for (const c of connections()) loadWeek(c);
}

setInterval(() => {
  if (document.visibilityState === "hidden") return;
  for (const c of connections()) {
    const week = state.weeks.get(c.id), needsPerson = week?.state === "reconnect" || week?.state === "consent";
    if (!week || (Date.now() >= week.again && !needsPerson)) loadWeek(c);
  }
}, 500);

bff.onAuthStateChange((event, now, reason) => {
  state.session = now;
  const ids = new Set(connections().map((c) => c.id));
  for (const id of state.weeks.keys()) if (!ids.has(id)) state.weeks.delete(id);
  if (!now.authenticated) {
    if (event !== "INITIAL_SESSION") state.left = reason || "expired";
    state.files = { state: "closed", list: [] };
    state.greeting = undefined;
  }
  scenes.heard(event, now, reason);
  if (now.authenticated && state.left) scenes.say("page", view.goodbye(state.left));
  if (now.authenticated) state.left = "";
  draw();
  callAll();
});

const view = new View({
  nav: at("nav"), hero: at("hero"), app: at("app"), state, openFiles, askBackend, choose,
  logIn: () => bff.login({ provider: "demo" }),
  logOut: () => bff.logout(),
  link: () => afterwards(bff.connect({ provider: "demo", popup: true, prompt: "select_account" })),
  repair: (c, scopes) => afterwards(bff.connect({ provider: c.provider, connection: c.id, popup: true, scopes })),
  bringBack: () => scenes.do("up"),
});

const scenes = new Scenes({
  strip: at("strip"), side: at("side"), banner: at("banner"), weeks: state.weeks,
  changed: () => callAll(),
  polled: (mode, fronts) => {
    state.mode = mode;
    state.fronts = fronts;
    view.draw();
  },
});

function draw() {
  view.draw();
  scenes.draw();
}

// A way back that failed says so in the address; taken out, so that a reload does not say it again.
const here = new URL(location.href), failed = here.searchParams.get("bff_error");
if (failed) {
  state.left = failed === "login_expired" && !navigator.cookieEnabled ? "no_cookies" : failed;
  here.searchParams.delete("bff_error");
  history.replaceState(history.state, "", here);
}
