// Behind the scenes: what the browser holds, what the server holds, what the provider did, and the buttons that break it. Everything here is asked of
// /demo/, which only `bff dev` has; an app of yours has none of it.
/** @import { AuthEvent, Session } from "/bff/types.js" */
import { h, icon } from "/bff/account/ui.js";

/** @typedef {{ mode: string, refreshes: number, calls: number, issued: number, revocations: number, token_lifetime: number, cookie_bytes?: number, you?: { person: string, refreshes: number } }} State */
/** @typedef {{ at: number, from: "page" | "provider" | "bff", text: string }} Line */

/** @type {[id: string, label: string, what: string, icon: string][]} */
const breaks = [
  ["expire", "Expire the token now", "The API refuses it; the server renews it and repeats the call. The page sees 200.", "keep"],
  ["down", "Provider down", "The token serves to its last second, then calls get 503. Nobody is signed out.", "warn"],
  ["slow", "Provider slow", "Renewals take seconds. All callers wait for the one that is under way.", "keep"],
  ["revoke", "Revoke at the provider", "The next renewal is refused for good: that link needs you, the session lives on.", "close"],
  ["end-elsewhere", "Sign me out elsewhere", "The provider sends a back-channel logout. Every tab knows at once.", "desktop"],
];

/** @type {Record<string, string>} */
const explained = {
  expire: "You expired the access token. The next call meets 401 at the API; the server renews once and repeats the call.",
  down: "You took the provider down. The server cannot renew now.",
  slow: "You made the provider slow.",
  up: "You brought the provider back.",
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
  /** @type {Map<string, { state: string }>} */
  weeks = new Map();
  /** @type {Map<string, number>} when a person's access token runs out */
  spent = new Map();
  after = 0;
  gone = false;
  /** @type {string} */
  busy = "";

  /** @param {{ strip: HTMLElement, side: HTMLElement, banner: HTMLElement, changed: () => void }} options */
  constructor({ strip, side, banner, changed }) {
    this.strip = strip;
    this.side = side;
    this.banner = banner;
    this.changed = changed;
    this.keys = new WeakMap();
    this.browser = h("div", { class: "box" });
    this.server = h("div", { class: "box key" });
    this.provider = h("div", { class: "box" });
    this.life = h("progress", { max: 30, value: 0, "aria-label": "What is left of the access token" });
    this.lifeText = h("span", { class: "hint" });
    strip.append(this.browser, arrow("one cookie"), this.server, arrow("access token"), this.provider);
    this.buttons = h("div", { class: "breaks" });
    this.log = h("ol", { class: "log", tabindex: 0, "aria-label": "What just happened" });
    side.append(h("section", null, h("h2", null, "Break things"), this.buttons), h("section", null, h("h2", null, "What just happened"), this.log));
    this.poll();
    setInterval(() => this.tick(), 250);
  }

  /** @param {Line["from"]} from @param {string} text @param {number} [at] */
  say(from, text, at = Date.now()) {
    this.lines.unshift({ at, from, text });
    this.lines.sort((a, b) => b.at - a.at);
    this.lines.length = Math.min(this.lines.length, 60);
    this.draw();
  }

  /** An event of the client. @param {AuthEvent} event @param {Session} session @param {string} [reason] */
  heard(event, session, reason) {
    const was = this.session;
    this.session = session;
    if (event === "INITIAL_SESSION" && session.authenticated) this.say("bff", "There is a session behind the cookie. GET /bff/session says who, and nothing else.");
    if (event === "SIGNED_IN") this.say("bff", "A session was made. The browser got one cookie; the tokens stayed on the server, encrypted.");
    if (event === "SIGNED_OUT" || event === "SESSION_EXPIRED") this.say("bff", `The session ended (${reason || "expired"}). The server told this tab over its event stream.`);
    if (event === "CONNECTION_CHANGED" && session.authenticated) {
      const before = was?.authenticated ? was.connections : [];
      for (const c of session.connections) {
        const b = before.find((x) => x.id === c.id), name = c.account.name || c.account.email || "An account";
        if (!b) this.say("bff", `${name} was linked. One session, ${session.connections.length} accounts.`);
        else if (b.status !== c.status) this.say("bff", c.status === "active" ? `${name}'s link works again.` : `${name}'s link is dead (${c.reason}). The session is not.`);
        else if (c.scopes.length > b.scopes.length) this.say("bff", `${name}'s grant grew: ${c.scopes.length - b.scopes.length} more permission.`);
      }
      for (const b of before) if (!session.connections.some((c) => c.id === b.id)) this.say("bff", `${b.account.name || "An account"} was unlinked; its tokens go back to the provider.`);
    }
    this.poll();
  }

  /** A calendar turned from one state into another. @param {string} name @param {string} state @param {string} [code] */
  turned(name, state, code) {
    /** @type {Record<string, string>} */
    const texts = {
      good: `${name}'s calendar is back.`,
      waiting: `GET /api/calendar/… → ${code} for ${name}. The cookie is untouched; the page tries again by itself.`,
      reconnect: `GET /api/calendar/… → needs_reauth for ${name}, with the way to mend it.`,
      consent: `GET /api/calendar/… → missing_scopes for ${name}, with the way to mend it.`,
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
          if (e.what === "refresh" || e.what === "exchange") this.spent.set(e.who, at + state.token_lifetime * 1000);
          if (Date.now() - at < 120e3) this.lines.unshift({ at, from: "provider", text: e.text[0].toUpperCase() + e.text.slice(1) + "." });
        }
        this.lines.sort((a, b) => b.at - a.at);
        this.lines.length = Math.min(this.lines.length, 60);
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
    this.draw();
    this.say("page", explained[what]);
    if (what === "expire" && this.state?.you) this.spent.set(this.state.you.person, Date.now());
    const ok = await fetch("/demo/do", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": "1" }, body: JSON.stringify({ do: what }) })
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
    const left = this.left, name = (this.session.user.name || "The").split(" ")[0];
    this.life.max = this.state?.token_lifetime || 30;
    this.life.value = left;
    this.lifeText.textContent = `${name}’s access token: ` + (left ? Math.ceil(left) + " s left" : "spent, " + (this.own?.status === "needs_reauth" ? "and nothing to renew it with" :
      this.state?.mode === "down" ? "to be renewed when the provider is back" : "renewed at the next call"));
    this.drawBanner();
  }

  draw() {
    const { state, session } = this, inside = !!session?.authenticated, down = state?.mode !== "up";
    const bytes = state?.cookie_bytes;
    this.paint(this.browser, [inside, bytes, document.cookie, localStorage.length, sessionStorage.length], () => [
      h("h2", null, "This browser"),
      h("p", { class: "big" }, inside ? (bytes ? `1 cookie, ${bytes} bytes` : "1 cookie") : "nothing yet"),
      h("p", { class: "hint" }, inside ? "HttpOnly and opaque: no script can read it, and it is no token." : "It will get one opaque cookie, and never a token."),
      h("dl", { class: "probe" }, probe("document.cookie", JSON.stringify(document.cookie)), probe("localStorage", localStorage.length + " entries"), probe("sessionStorage", sessionStorage.length + " entries"))]);
    const accounts = session?.authenticated ? session.connections.length : 0;
    this.paint(this.server, [inside, state?.you?.refreshes, accounts, !!this.own], () => [
      h("h2", null, "bff, the server"),
      h("p", { class: "big" }, !inside ? "keeps the tokens" : accounts ? plural(accounts, "account", "accounts") + ", sealed" : "no account, no token"),
      inside ? h("p", { class: "renewed" }, h("strong", { id: "renewals" }, String(state?.you?.refreshes ?? 0)), state?.you?.refreshes === 1 ? " renewal so far" : " renewals so far") : h("p", { class: "hint" }, "Encrypted in its store, renewed in time, put on each call you allowed."),
      this.own && h("div", { class: "life" }, this.life, this.lifeText),
    ]);
    this.paint(this.provider, [state?.mode, state?.calls, state?.refreshes], () => [
      h("h2", null, "Provider and APIs"),
      h("p", { class: "big" }, h("span", { class: down ? "pill warn" : "pill good" }, state ? (down ? state.mode : "up") : "…")),
      h("p", { class: "hint" }, "Behaves like Google: consent, rotation, tokens of 30 seconds."),
      state && h("p", { class: "hint" }, `${plural(state.calls, "API call", "API calls")}, ${plural(state.refreshes, "renewal", "renewals")}`)]);
    this.paint(this.buttons, [state?.mode, this.busy, inside, accounts], () => breaks.map(([id, label, what, sign]) => {
      const on = state?.mode === id, needs = id === "end-elsewhere" ? !inside : !accounts && !["down", "slow"].includes(id);
      return h("button", { class: on ? "break on" : "break", type: "button", id: "do-" + id, "aria-disabled": (needs || !!this.busy) && "true", "aria-pressed": ["down", "slow"].includes(id) ? String(on) : null,
        onclick: () => needs || this.do(on ? "up" : id) }, icon(on ? "check" : sign, 18), h("span", null, h("strong", null, on ? "Bring it back" : label), h("span", { class: "hint" }, on ? "It is like that now, until you press here." : what)));
    }));
    this.paint(this.log, this.lines, () => this.lines.length
      ? this.lines.map((l) => h("li", { class: l.from }, h("span", { class: "from" }, l.from), h("time", { datetime: new Date(l.at).toISOString() }, new Date(l.at).toLocaleTimeString("en", { hour12: false })), h("p", null, l.text)))
      : [h("li", { class: "hint" }, "Nothing yet. Sign in.")]);
    this.tick();
    this.drawBanner();
  }

  drawBanner() {
    const { state } = this, inside = this.session?.authenticated, down = state?.mode === "down", waiting = [...this.weeks.values()].some((w) => w.state === "waiting");
    let text = "", tone = "warn";
    if (this.gone) text = "bff does not answer. Start `bff dev` again; this page finds it by itself.", tone = "bad";
    else if (down && inside && waiting) text = "The provider is down and the token has run out. bff answers 503 with Retry-After. You are still signed in: bring the provider back and go on.";
    else if (down && inside) text = `The provider is down. Still working with the token the server has: ${this.left ? "its last seconds are running" : "it ends now"}.`;
    else if (down) text = "The provider is down. Nobody can sign in until it is back.";
    else if (state?.mode === "slow") text = "The provider is slow. The page is not: renewals happen ahead of time, beside the calls.";
    else if (waiting && inside) text = "A call did not get through. The page tries again by itself; you are still signed in.";
    this.paint(this.banner, [text], () => text ? [h("p", { class: tone }, icon("warn"), h("span", null, text))] : []);
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

/** @param {string} label */
const arrow = (label) => h("p", { class: "arrow" }, h("span", null, label));

/** @param {string} name @param {string} value */
const probe = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

/** @param {number} n @param {string} one @param {string} many */
const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;
