// What the demo app looks like. Nothing here knows bff: it draws what app.js holds and calls what it was given.
/** @import { Connection, Preferences, SignedIn, User } from "/bff/types.js" */
/** @import { Event, Files, Greeting, Week } from "./app.js" */
import { address, face, h, icon } from "/bff/account/ui.js";
import { languages } from "./words.js";

/** @returns {[Date, Date]} */
export function thisWeek() {
  const from = new Date();
  from.setHours(0, 0, 0, 0);
  from.setDate(from.getDate() - (from.getDay() + 6) % 7);
  const to = new Date(from);
  to.setDate(to.getDate() + 7);
  return [from, to];
}

/** @type {Record<string, string>} */
const goodbyes = {
  logout: "You signed out. The session is gone on every instance, in every tab; the provider was not asked to forget " +
    "the app.",
  provider: "The provider reported that you signed out elsewhere (back-channel logout). Every tab knew within a " +
    "second.",
  ended_elsewhere: "This session was ended from another device. Every tab knew within a second.",
  erased: "Your account is erased, with all that was kept of it.",
  expired: "The session ran out.",
  access_denied: "You said no at the provider. Nothing was signed in, nothing was kept.",
  login_expired: "That sign-in took too long, or was used before. Start again.",
  no_cookies: "Signing in needs one cookie, and this browser keeps none of this page. Allow cookies here, then start again.",
  provider_unavailable: "The provider does not answer. Bring it back, then sign in.",
};

/** @typedef {{ session: import("/bff/types.js").Session | undefined, weeks: Map<string, Week>, files: Files,
 *   greeting: Greeting | undefined, preferences: Preferences, left: string, mode: string, fronts: string[] }} State */

/** @typedef {object} Options
 * @property {HTMLElement} nav
 * @property {HTMLElement} hero
 * @property {HTMLElement} app
 * @property {State} state
 * @property {() => void} openFiles
 * @property {() => void} askBackend
 * @property {(patch: Preferences) => void} choose
 * @property {() => void} logIn
 * @property {() => void} logOut
 * @property {() => void} link
 * @property {(c: Connection, scopes?: string[]) => void} repair
 * @property {() => void} bringBack
 */

/** @param {Connection} c */
const nameOf = (c) => c.account.name || c.account.email || c.account.subject;

/** @param {string} name */
const firstName = (name) => name.split(" ")[0];

export class View {
  /** @param {Options} options */
  constructor(options) {
    this.o = options;
    /** @type {WeakMap<Element, string>} */
    this.painted = new WeakMap();
  }

  /** @returns {"en" | "de"} */
  get lang() {
    return this.o.state.preferences.language === "de" ? "de" : "en";
  }

  get words() {
    return languages[this.lang];
  }

  /** @param {string} why nobody is signed in any more */
  goodbye(why) {
    return goodbyes[why] || `That did not work (${why}). Try again.`;
  }

  /** Draws a region, if what it shows has changed.
   * @param {HTMLElement} el @param {unknown} shown @param {() => any[]} build */
  paint(el, shown, build) {
    const key = JSON.stringify([this.lang, shown]);
    if (this.painted.get(el) === key) return;
    this.painted.set(el, key);
    const focused = el.contains(document.activeElement) ? document.activeElement?.id : "";
    el.replaceChildren(...build().flat().filter(Boolean));
    if (focused) document.getElementById(focused)?.focus();
  }

  draw() {
    const { session, weeks, files, greeting, preferences, left, mode, fronts } = this.o.state;
    if (!session) return;
    const { nav, hero, app } = this.o, inside = session.authenticated;
    const html = document.documentElement;
    if (["light", "dark"].includes(preferences.theme)) html.dataset.theme = preferences.theme;
    else delete html.dataset.theme;
    document.body.classList.toggle("in", inside);
    for (const el of [nav, app]) el.lang = this.lang;
    const shown = inside && session.connections.map((c) => [c, { ...weeks.get(c.id), again: 0 }]);
    this.paint(nav, inside && session.user, () => this.nav());
    this.paint(hero, [inside, left, mode === "down"], () => this.hero());
    this.paint(app, [inside && session.user, shown, files, greeting, preferences.theme, fronts], () => this.app());
  }

  nav() {
    const { words, o } = this, { session } = o.state;
    const account = h("a", { class: "button quiet", href: "/bff/account?lang=" + this.lang }, words.account);
    if (!session?.authenticated) return [account];
    const { user } = session, name = user.name || user.subject;
    return [
      h("span", { class: "me" }, face(user.subject, name, "small"), h("span", null, name)),
      account,
      h("button", { class: "button", type: "button", id: "sign-out", onclick: o.logOut }, words.signOut),
    ];
  }

  hero() {
    const { o } = this, { session, left, mode } = o.state;
    if (session?.authenticated) return [];
    const up = { class: "button", type: "button", id: "hero-up", onclick: o.bringBack };
    return [
      left && h("p", { class: "farewell", role: "status" }, icon("info"), h("span", null, this.goodbye(left))),
      h("h1", null, "Your app calls APIs. ", h("br"), "The browser never holds a token."),
      h("p", { class: "lead" }, "Sign in and watch: tokens that live 30 seconds, renewed on the server while the " +
        "page " +
        "knows nothing. Then break things."),
      mode === "down" && h("div", { class: "fix warn" },
        h("p", null, "You took the provider down, so signing in would end at its page that says so."),
        h("button", up, "Bring the provider back")),
      h("p", null,
        h("button", { class: "button primary big", type: "button", id: "sign-in", onclick: o.logIn },
          "Sign in with Demo"),
        h("span", { class: "hint" }, "Pick Ada, Grace or Linus. No password, nothing leaves this machine.")),
    ];
  }

  app() {
    const { words, o } = this, { session } = o.state;
    if (!session?.authenticated) return [];
    const list = session.connections;
    return [
      h("h1", { class: "unseen" }, words.theApp),
      list.length
        ? h("div", { class: list.length > 1 ? "weeks two" : "weeks" }, list.map((c) => this.week(c)))
        : h("p", { class: "fix" }, words.nothing),
      h("div", { class: "more" },
        h("button", { class: "button", type: "button", id: "link", onclick: o.link }, icon("plus", 16),
          list.length ? words.linkAnother : words.linkOne),
        h("span", { class: "hint" }, list.length > 1 ? words.which : list.length ? words.sideBySide : words.back)),
      this.settings(session.user),
      list.length > 0 && this.files(list[0]),
      this.backend(),
      o.state.fronts.map((origin) => this.front(origin)),
    ];
  }

  /** Theme and language: kept with the person. @param {User} user */
  settings(user) {
    const { words, o, lang } = this, theme = o.state.preferences.theme || "system";
    /** @param {string} name @param {string} legend @param {Record<string, string>} choices @param {string} now */
    const choice = (name, legend, choices, now) => h("fieldset", null, h("legend", null, legend),
      Object.entries(choices).map(([value, text]) => h("label", { lang: name === "language" && value },
        h("input", { type: "radio", name, value, id: `${name}-${value}`, checked: value === now,
          onchange: () => o.choose({ [name]: value === "system" ? null : value }) }), h("span", null, text))));
    return h("section", { class: "card settings", "aria-label": words.theme },
      choice("theme", words.theme, words.themes, theme), choice("language", words.language, words.languages, lang),
      h("p", { class: "hint" }, words.kept(firstName(user.name || user.subject))));
  }

  /** @param {Connection} c */
  week(c) {
    const { words, o } = this, week = o.state.weeks.get(c.id), name = nameOf(c), first = firstName(name);
    const broken = c.status !== "active" || week?.state === "reconnect";
    const button = (/** @type {string} */ id, /** @type {string} */ text, /** @type {string[]} */ scopes) =>
      h("button", { class: "button primary", type: "button", id, onclick: () => o.repair(c, scopes) }, text);
    return h("section", { class: "card", "aria-labelledby": "name-" + c.id },
      h("header", null,
        face(c.account.subject, name),
        h("div", null, h("h2", { id: "name-" + c.id }, words.week(first)),
          h("p", { class: "hint" }, address(c.account.email || ""))),
        this.meta(week, broken)),
      broken && h("div", { class: "fix warn" },
        h("p", null, h("strong", null, words.needsYou), words.needsYouWhy),
        button("fix-" + c.id, words.again(first), [])),
      week?.state === "consent" && h("div", { class: "fix" }, h("p", null, words.noCalendar),
        button("ask-" + c.id, words.askAgain, ["https://www.googleapis.com/auth/calendar.readonly"])),
      this.days(week?.events, broken || week?.state === "waiting" || week?.state === "offline"));
  }

  /** @param {Week | undefined} week @param {boolean} broken */
  meta(week, broken) {
    const { words } = this;
    if (!week || week.state === "loading") return h("span", { class: "pill" }, words.calling);
    if (broken) return h("span", { class: "pill warn" }, "403 needs_reauth");
    if (week.state === "consent") return h("span", { class: "pill warn" }, "403 missing_scopes");
    if (week.state === "offline") return h("span", { class: "pill bad" }, words.offline);
    if (week.state === "waiting") return h("span", { class: "pill warn" }, `${week.status} ${week.code}`);
    return h("span", { class: "pill good" }, words.took(week.took || 0));
  }

  /** @param {Event[] | undefined} events @param {boolean} stale */
  days(events, stale) {
    const { lang, words } = this, [monday] = thisWeek(), today = new Date().toDateString();
    const time = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });
    return h("ol", { class: stale ? "days stale" : "days" }, [...Array(7).keys()].map((i) => {
      const day = new Date(monday);
      day.setDate(day.getDate() + i);
      const at = (/** @type {Event} */ e) => new Date(e.start.dateTime), now = day.toDateString() === today;
      const own = (events || []).filter((e) => at(e).toDateString() === day.toDateString());
      return h("li", { class: now ? "day today" : "day" },
        h("h3", null, day.toLocaleDateString(lang, { weekday: "short" }), " ", h("span", null, day.getDate()),
          now && h("span", { class: "unseen" }, words.today)),
        h("ul", { lang: "en" }, own.map((e) => h("li", { class: "event" },
          h("span", { class: "time" }, time.format(at(e))), " ", h("span", null, e.summary)))));
    }));
  }

  /** @param {Connection} c */
  files(c) {
    const { words, o } = this, { state, list } = o.state.files;
    const size = (/** @type {number} */ n) => n < 1000 ? n + " B" : (n / 1000).toFixed(1) + " kB";
    const href = (/** @type {string} */ id) =>
      `/api/files/files/${encodeURIComponent(id)}?alt=media&bff_connection=${encodeURIComponent(c.id)}`;
    const granted = state === "open" || c.scopes.some((s) => s.endsWith("/auth/drive.readonly"));
    const waiting = state === "asking";
    const label = waiting ? words.waiting : state === "refused" ? words.askAgain : words.show;
    return h("section", { class: "card", "aria-labelledby": "files" },
      h("header", null,
        h("span", { class: "mark tone-7", "aria-hidden": "true" }, icon(granted ? "file" : "lock", 22)),
        h("div", null, h("h2", { id: "files" }, words.files(firstName(nameOf(c)))),
          h("p", { class: "hint" }, granted ? words.allowed : words.more)),
        state !== "open" && h("button", { class: "button primary", type: "button", id: "open-files",
          "aria-disabled": waiting && "true", onclick: () => waiting || o.openFiles() }, label)),
      state === "refused" && h("p", { class: "hint" }, words.no),
      state === "open" && h("ul", { class: "files" }, list.map((f) =>
        h("li", null, icon("file", 18), h("a", { href: href(f.id), download: f.name }, f.name),
          h("span", { class: "hint" }, size(Number(f.size)))))));
  }

  /** Another front of the same bff: a site of its own. @param {string} origin */
  front(origin) {
    const { words } = this;
    return h("section", { class: "card", "aria-labelledby": "front" },
      h("header", null,
        h("span", { class: "mark tone-6", "aria-hidden": "true" }, icon("who", 22)),
        h("div", null, h("h2", { id: "front" }, words.front), h("p", { class: "hint" }, words.frontWhat)),
        h("a", { class: "button primary", id: "open-front", href: origin + "/" }, words.open)),
      h("p", { class: "hint" }, words.frontHow));
  }

  backend() {
    const { words, o } = this, { greeting } = o.state;
    const claims = greeting?.claims && JSON.stringify(greeting.claims, null, 2);
    return h("section", { class: "card", "aria-labelledby": "backend" },
      h("header", null,
        h("span", { class: "mark tone-4", "aria-hidden": "true" }, icon("desktop", 22)),
        h("div", null, h("h2", { id: "backend" }, words.backend), h("p", { class: "hint" }, words.backendWhat)),
        h("button", { class: "button primary", type: "button", id: "ask-backend", onclick: o.askBackend }, words.ask)),
      greeting?.failed && h("p", { class: "fix warn", role: "status" }, words.silent(greeting.failed)),
      greeting?.greeting && h("p", { class: "greeting", role: "status", lang: "en" }, greeting.greeting),
      greeting?.greeting && h("p", { class: "hint" },
        words.rights, ": ", greeting.rights?.join(", ") || words.noRights),
      claims && h("details", { open: true }, h("summary", null, words.claims), h("pre", { tabindex: 0 }, claims)));
  }
}
