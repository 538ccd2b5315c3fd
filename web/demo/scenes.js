// Behind the scenes: what the browser holds, what the server holds, what the provider did, and the buttons that break
// it. Everything here is asked of /demo/, which only `bff dev` has; an app of yours has none of it.
/** @import { AuthEvent, Connection, Session } from "/bff/types.js" */
import { h, icon } from "/bff/account/ui.js";

/** @typedef {{ refreshes: number, calls: number }} Counts */
/** @typedef {{ id: string, user: string, name: string, rights: string[], sign_ins: number }} Row */
/** @typedef {{ at: string, type: string, user: string }} Heard */
/** @typedef {Counts & { mode: string, token_lifetime: number, cookies?: number, cookie_bytes?: number, fronts?: string[],
 *   you?: Counts & { person: string }, rows: Row[], heard: Heard[] }} State */
/** @typedef {{ at: number, from: "page" | "provider" | "backend" | "bff", text: string }} Line */

/** @type {[id: string, label: string, what: string, icon: string][]} */
const breaks = [
  ["expire", "Expire the token now",
    "The API refuses it; the server renews it and repeats the call. The page sees 200.", "keep"],
  ["down", "Provider down", "The token serves to its last second, then calls get 503. Nobody is signed out.", "warn"],
  ["slow", "Provider slow", "Renewals take seconds. All callers wait for the one that is under way.", "keep"],
  ["revoke", "Revoke at the provider",
    "The next renewal is refused for good: that link needs you, the session lives on.", "close"],
  ["end-elsewhere", "Sign me out elsewhere",
    "The provider sends a back-channel logout. Every tab knows at once.", "desktop"],
];

/** What the two that stay on say while they are. @type {Record<string, [label: string, what: string]>} */
const undo = {
  down: ["Bring the provider back", "It is down, until you press here."],
  slow: ["Make the provider fast again", "It is slow, until you press here."],
};

const kept = 60, beside = 4; // lines of the log, and of what a button did, below it

/** @type {Record<string, string>} */
const explained = {
  expire: "You expired the access token. The next call meets 401 at the API; the server renews once and repeats the " +
    "call.",
  down: "You took the provider down. The server cannot renew now.",
  slow: "You made the provider slow.",
  up: "The provider is well again.",
  revoke: "You revoked the app's access at the provider. The server finds out when it renews.",
  "end-elsewhere": "You signed out at the provider, as if on another device.",
};

export class Scenes {
  /** @type {State | undefined} */
  state;
  /** @type {Line[]} newest first */
  lines = [];
  /** @type {Session | undefined} */
  session;
  /** @type {Map<string, number>} when a person's access token runs out */
  spent = new Map();
  after = 0;
  gone = false;
  /** @type {string} */
  busy = "";
  /** The button that was pressed last, and when. @type {{ id: string, at: number } | undefined} */
  pressed;

  /** @param {{ strip: HTMLElement, side: HTMLElement, banner: HTMLElement, weeks: Map<string, { state: string }>,
   *   changed: () => void, polled: (mode: string, fronts: string[]) => void }} options */
  constructor({ strip, side, banner, weeks, changed, polled }) {
    this.banner = banner;
    this.weeks = weeks;
    this.changed = changed;
    this.polled = polled;
    this.keys = new WeakMap();
    this.browser = h("div", { class: "box" });
    this.server = h("div", { class: "box key" });
    this.provider = h("div", { class: "box" });
    this.life = h("progress", { max: 30, value: 0, "aria-label": "What is left of the access token" });
    this.lifeText = h("span", { class: "hint" });
    strip.append(this.browser, arrow("one cookie"), this.server, arrow("access token"), this.provider);
    this.buttons = h("ul", { class: "breaks" });
    this.log = h("ol", { class: "log", tabindex: 0, "aria-label": "What just happened" });
    this.database = h("div", { class: "database", id: "database" });
    side.append(h("section", null, h("h2", null, "Break things"), this.buttons),
      h("section", null, h("h2", null, "The app's own database"), this.database),
      h("section", null, h("h2", null, "What just happened"), this.log));
    this.poll();
    setInterval(() => this.tick(), 250);
  }

  /** @param {Line["from"]} from @param {string} text @param {number} [at] */
  say(from, text, at = Date.now()) {
    this.lines.unshift({ at, from, text });
    this.lines.sort((a, b) => b.at - a.at);
    this.lines.length = Math.min(this.lines.length, kept);
    this.draw();
  }

  /** An event of the client. @param {AuthEvent} event @param {Session} session @param {string} [reason] */
  heard(event, session, reason) {
    const was = this.session;
    this.session = session;
    const tell = (/** @type {string} */ text) => this.say("bff", text);
    if (event === "INITIAL_SESSION" && session.authenticated) {
      tell("There is a session behind the cookie. GET /bff/session says who, and nothing else.");
    } else if (event === "SIGNED_IN") {
      tell("A session was made. The browser got one cookie; the tokens stayed on the server, encrypted.");
    } else if (event === "SIGNED_OUT" || event === "SESSION_EXPIRED") {
      tell(`The session ended (${reason || "expired"}). The server said so to this tab over its event stream.`);
    } else if (event === "USER_CHANGED" && session.authenticated) {
      tell(`Your rights are now: ${session.user.rights?.join(", ") || "none"}.`);
    } else if (event === "CONNECTION_CHANGED" && session.authenticated) {
      this.compare(was?.authenticated ? was.connections : [], session.connections);
    }
    this.poll();
  }

  /** Says what is new in the linked accounts. @param {Connection[]} before @param {Connection[]} now */
  compare(before, now) {
    const tell = (/** @type {string} */ text) => this.say("bff", text);
    for (const c of now) {
      const b = before.find((x) => x.id === c.id), name = c.account.name || c.account.email || "An account";
      if (!b) tell(`${name} was linked. One session, ${plural(now.length, "account", "accounts")}.`);
      else if (b.status !== c.status && c.status === "active") tell(`${name}'s link works again.`);
      else if (b.status !== c.status) tell(`${name}'s link is dead (${c.reason}). The session is not.`);
      else if (c.scopes.length > b.scopes.length) {
        tell(`${name}'s grant grew by ${plural(c.scopes.length - b.scopes.length, "permission", "permissions")}.`);
      }
    }
    for (const b of before) {
      const gone = !now.some((c) => c.id === b.id);
      if (gone) tell(`${b.account.name || "An account"} was unlinked; its tokens go back to the provider.`);
    }
  }

  /** A calendar turned from one state into another.
   * @param {string} name @param {string} state @param {string} [code] */
  turned(name, state, code) {
    /** @type {Record<string, string>} */
    const texts = {
      good: `${name}'s calendar is back.`,
      waiting: `GET /api/calendar/… → ${code} for ${name}. The cookie is untouched; the page tries again by itself.`,
      reconnect: `GET /api/calendar/… → needs_reauth for ${name}, with the way to put it right.`,
      consent: `GET /api/calendar/… → missing_scopes for ${name}, with the way to put it right.`,
      offline: "bff does not answer. Is it running?",
    };
    if (texts[state]) this.say("page", texts[state]);
  }

  async poll() {
    clearTimeout(this.next);
    const turn = this.turn = (this.turn || 0) + 1;
    try {
      if (document.visibilityState === "visible") {
        const get = async (/** @type {string} */ path) => (await fetch(path)).json();
        const [state, { entries }] = await Promise.all([get("/demo/state"), get("/demo/log?after=" + this.after)]);
        if (turn !== this.turn) return;
        this.state = state;
        for (const e of entries) {
          this.after = e.n;
          const at = Date.parse(e.at);
          const made = e.what === "refresh" || e.what === "exchange";
          if (made) this.spent.set(e.who, at + state.token_lifetime * 1000);
          const from = e.what === "backend" ? "backend" : "provider";
          const text = e.text[0].toUpperCase() + e.text.slice(1) + ".";
          if (Date.now() - at < 120e3) this.lines.unshift({ at, from, text });
        }
        this.lines.sort((a, b) => b.at - a.at);
        this.lines.length = Math.min(this.lines.length, kept);
        this.polled(state.mode, state.fronts || []);
      }
      this.gone = false;
    } catch {
      this.gone = true;
    }
    if (turn !== this.turn) return;
    this.draw();
    this.next = setTimeout(() => this.poll(), this.gone ? 3000 : 1000);
  }

  /** @param {string} what */
  async do(what) {
    if (this.busy) return;
    this.busy = what;
    this.pressed = { id: what === "up" ? this.state?.mode || "" : what, at: Date.now() };
    this.draw();
    this.say("page", explained[what]);
    if (what === "expire" && this.state?.you) this.spent.set(this.state.you.person, Date.now());
    const headers = { "Content-Type": "application/json", "X-CSRF": "1" };
    const ok = await fetch("/demo/do", { method: "POST", headers, body: JSON.stringify({ do: what }) })
      .then((r) => r.ok, () => false);
    this.busy = "";
    if (!ok) this.say("page", "That could not be done.");
    await this.poll();
    if (what !== "end-elsewhere") this.changed();
  }

  /** The connection of the person who signed in: the one whose token is shown. */
  get own() {
    const s = this.session;
    return s?.authenticated ? s.connections.find((c) => c.account.subject === s.user.subject) : undefined;
  }

  get left() {
    const at = this.spent.get(this.state?.you?.person || "");
    return at ? Math.max(0, (at - Date.now()) / 1000) : 0;
  }

  /** What moves by itself. */
  tick() {
    if (!this.session?.authenticated) return;
    const left = this.left, down = this.state?.mode === "down";
    this.life.max = this.state?.token_lifetime || 30;
    this.life.value = left;
    const spent = down ? "to be renewed when the provider is back" : "renewed at the next call";
    const text = left ? Math.ceil(left) + " s left" : "spent, " + spent;
    this.lifeText.textContent = `${this.first}'s access token: ${text}`;
    this.drawBanner();
  }

  /** What the person who signed in is called. */
  get first() {
    return this.session?.authenticated ? (this.session.user.name || "The").split(" ")[0] : "";
  }

  draw() {
    const { state, session } = this, inside = !!session?.authenticated;
    const bytes = state?.cookie_bytes, cookies = state?.cookies || 1, own = this.own;
    const accounts = inside ? session.connections.length : 0;
    const held = [document.cookie, entries("localStorage"), entries("sessionStorage")];
    this.paint(this.browser, [inside, cookies, bytes, held], () => this.browserBox(inside, cookies, bytes));
    this.paint(this.server, [inside, state?.you?.refreshes, accounts, own?.status, this.first], () =>
      this.serverBox(inside, accounts));
    this.paint(this.provider, [state?.mode, state?.you?.calls, inside, this.first], () => this.providerBox(inside));
    const effects = this.effects();
    this.paint(this.buttons, [state?.mode, this.busy, inside, accounts, effects], () =>
      breaks.map(([id, label, what, sign]) => this.breakButton(id, label, what, sign, inside, accounts, effects)));
    this.paint(this.database, [state?.rows, state?.heard], () => database(state?.rows ?? [], state?.heard ?? []));
    this.paint(this.log, this.lines, () => this.lines.length ? this.lines.map(line)
      : [h("li", { class: "hint" }, "Nothing yet. Sign in.")]);
    this.tick();
    this.drawBanner();
  }

  /** @param {boolean} inside @param {number} cookies @param {number | undefined} bytes */
  browserBox(inside, cookies, bytes) {
    const sent = plural(cookies, "cookie", "cookies");
    return [
      h("h2", null, "This browser"),
      h("p", { class: "big" }, !inside ? "nothing yet" : bytes ? `${sent}, ${bytes} bytes` : sent),
      h("p", { class: "hint" }, inside ? cookies > 1
          ? "HttpOnly and no token, both: the session's, and one of a sign-in that did not end, which goes by itself."
          : "HttpOnly and opaque: no script can read it, and it is no token."
        : "It will get one opaque cookie, and never a token."),
      h("dl", { class: "probe" }, probe("document.cookie", JSON.stringify(document.cookie)),
        probe("localStorage", entries("localStorage")), probe("sessionStorage", entries("sessionStorage")))];
  }

  /** @param {boolean} inside @param {number} accounts */
  serverBox(inside, accounts) {
    const renewals = this.state?.you?.refreshes ?? 0, big = accounts ? plural(accounts, "account", "accounts") + ", " +
      "sealed"
      : "no account, no token";
    return [
      h("h2", null, "bff, the server"),
      h("p", { class: "big" }, inside ? big : "keeps the tokens"),
      inside ? h("p", { class: "renewed" }, h("strong", { id: "renewals" }, String(renewals)),
        ` ${renewals === 1 ? "renewal" : "renewals"} of ${this.first}'s token`)
        : h("p", { class: "hint" }, "Encrypted in its store, renewed in time, put on each call you allowed."),
      // A link that needs its person has no token any more: no time is left of it.
      this.own?.status === "active" && h("div", { class: "life" }, this.life, this.lifeText),
      this.own?.status === "needs_reauth" && h("p", { class: "hint" },
        `${this.first}'s token is gone, and nothing renews it until the account is linked again.`),
    ];
  }

  /** @param {boolean} inside */
  providerBox(inside) {
    const { state } = this, calls = state?.you?.calls ?? 0, tone = state?.mode === "up" ? "pill good" : "pill warn";
    return [
      h("h2", null, "Provider and APIs"),
      h("p", { class: "big" }, h("span", { class: tone }, state?.mode || "…")),
      h("p", { class: "hint" }, "Behaves like Google: consent, rotation, tokens of 30 seconds."),
      inside && h("p", { class: "hint" }, `${plural(calls, "API call", "API calls")} answered for ${this.first}`)];
  }

  /** What the button pressed last has done so far: lines of the log, oldest first. */
  effects() {
    const { pressed } = this;
    return pressed ? this.lines.filter((l) => l.at >= pressed.at - 50).slice(-beside).reverse() : [];
  }

  /** @param {string} id @param {string} label @param {string} what @param {string} sign @param {boolean} inside
   * @param {number} accounts @param {Line[]} effects */
  breakButton(id, label, what, sign, inside, accounts, effects) {
    const on = this.state?.mode === id, stays = id in undo, shown = on ? undo[id] : [label, what];
    const missing = id === "end-elsewhere" ? !inside && "Sign in first." : !accounts && !stays
      && (inside ? "Link an account first." : "Sign in first.");
    const button = h("button", { class: on ? "break on" : "break", type: "button", id: "do-" + id, disabled: !!missing,
      "aria-disabled": this.busy && "true", onclick: () => this.do(on ? "up" : id) },
    icon(on ? "check" : sign, 18),
    h("span", null, h("strong", null, shown[0]), h("span", { class: "hint" }, missing || shown[1])));
    return h("li", null, button, this.pressed?.id === id && effects.length > 0
      && h("ol", { class: "log effect", "aria-live": "polite", "aria-label": "What it did" }, effects.map(line)));
  }

  drawBanner() {
    const inside = !!this.session?.authenticated, waiting = [...this.weeks.values()].some((w) => w.state === "waiting");
    const text = this.trouble(inside, waiting), tone = this.gone ? "bad" : "warn";
    this.paint(this.banner, [text], () => text ? [h("p", { class: tone }, icon("warn"), h("span", null, text))] : []);
  }

  /** @param {boolean} inside @param {boolean} waiting */
  trouble(inside, waiting) {
    const mode = this.state?.mode, down = mode === "down";
    if (this.gone) return "bff does not answer. Start `bff dev` again; this page finds it by itself.";
    if (down && inside && waiting) {
      return "The provider is down and the token has run out. bff answers 503 with Retry-After. You are still signed " +
        "in: bring the provider back and go on.";
    }
    if (down && inside) {
      return "The provider is down. Still working with the token the server has: " +
        (this.left ? "its last seconds are running." : "it ends now.");
    }
    if (down) return "The provider is down. Nobody can sign in until it is back.";
    if (mode === "slow") {
      return "The provider is slow. The page is not: renewals happen ahead of time, beside the calls.";
    }
    if (!waiting || !inside) return "";
    return "A call did not get through. The page tries again by itself; you are still signed in.";
  }

  /** @param {HTMLElement} el @param {unknown} shown @param {() => any[]} build */
  paint(el, shown, build) {
    const key = JSON.stringify(shown);
    if (this.keys.get(el) === key) return;
    this.keys.set(el, key);
    const focused = el.contains(document.activeElement) ? document.activeElement?.id : "";
    el.replaceChildren(...build().flat().filter(Boolean));
    if (focused) document.getElementById(focused)?.focus();
  }
}

/** @param {Line} l */
const line = (l) => h("li", { class: l.from }, h("span", { class: "from" }, l.from),
  h("time", { datetime: new Date(l.at).toISOString() }, new Date(l.at).toLocaleTimeString("en", { hour12: false })),
  h("p", null, l.text));

const shown = 6; // events shown

/** The rows that the hook made, and the events that bff sent since. @param {Row[]} rows @param {Heard[]} heard */
const database = (rows, heard) => [
  h("p", { class: "hint" }, "Before a session begins, bff asks the app's hook who this is. The app makes a row, and " +
    "answers with an id and rights of its own."),
  rows.length > 0 && h("table", null,
    h("thead", null, h("tr", null, ["Row", "Person", "Rights"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", null, rows.map((r) => h("tr", null, h("td", null, r.id),
      h("td", null, r.name, h("span", { class: "hint" }, plural(r.sign_ins, "sign-in", "sign-ins"))),
      h("td", null, r.rights.join(", ")))))),
  heard.length > 0 && h("p", { class: "hint" }, "Events that bff sent to the app since, each signed, the newest first:"),
  heard.length > 0 && h("ul", { class: "deliveries" }, heard.slice(0, shown).map((e) =>
    h("li", null, h("code", null, e.type), " ", e.user)))];

/** @param {string} label */
const arrow = (label) => h("p", { class: "arrow" }, h("span", null, label));

/** @param {string} name @param {string} value */
const probe = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

/** What a storage of this page holds; a browser that was set to keep nothing of it refuses to say.
 * @param {"localStorage" | "sessionStorage"} name */
const entries = (name) => {
  try {
    return `${window[name].length} entries`;
  } catch {
    return "blocked by this browser";
  }
};

/** @param {number} n @param {string} one @param {string} many */
const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;
