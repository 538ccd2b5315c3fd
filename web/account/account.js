// The account: who you are, what is linked, where you are signed in. It can be mounted into a page of your own:
//
//   import { mount } from "/bff/account/account.js";
//   mount(document.querySelector("#account"), { client });
//
/** @import { Client, Connection, Device, Session, SignedIn } from "/bff/types.js" */
import { allowed } from "./scopes.js";
import { face, h, icon, mark, when } from "./ui.js";
import { language, languages, say } from "./words.js";

/** @param {Element} root @param {{ client: Client, lang?: string }} options @returns {() => void} takes it away again */
export function mount(root, { client, lang = language(new URLSearchParams(location.search).get("lang")) }) {
  const page = new Account(root, client, lang);
  return () => page.stop();
}

class Account {
  /** @type {Session | undefined} */
  session;
  /** @type {Device[]} */
  devices = [];
  /** What to tell: where the person came from, or what just happened. @type {{ tone: string, text: string, url?: string, button?: string } | undefined} */
  notice;
  outage = false;
  busy = false;

  /** @param {Element} root @param {Client} client @param {string} lang */
  constructor(root, client, lang) {
    this.client = client;
    this.lang = lang;
    this.words = languages[lang];
    this.view = h("div", { lang, dir: "ltr" });
    this.live = h("p", { class: "unseen", role: "status" });
    this.dialog = h("dialog", { class: "ask", lang, dir: "ltr", "aria-labelledby": "ask-title", "aria-describedby": "ask-text" });
    root.append(this.view, this.live, this.dialog);
    if (root === document.body) document.documentElement.lang = lang;
    this.takeError();
    this.draw();
    this.stopListening = client.onAuthStateChange((event, session, reason) => this.changed(event, session, reason));
    this.refresh = () => document.visibilityState === "visible" && this.session?.authenticated && this.loadDevices();
    document.addEventListener("visibilitychange", this.refresh);
    this.clock = setInterval(() => this.draw(), 60e3);
    this.patience = setTimeout(() => this.fail(), 4e3); // the client waits an outage out; the person should know
  }

  stop() {
    this.stopListening();
    clearInterval(this.clock);
    clearTimeout(this.patience);
    document.removeEventListener("visibilitychange", this.refresh);
    [this.view, this.live, this.dialog].forEach((el) => el.remove());
  }

  /** The outcome of a way back from a provider, taken out of the address so that a reload does not repeat it. */
  takeError() {
    const here = new URL(location.href), code = here.searchParams.get("bff_error");
    if (!code) return;
    here.searchParams.delete("bff_error");
    history.replaceState(history.state, "", here);
    /** @type {Record<string, string>} */
    const failed = this.words.failed;
    this.notice = { tone: code === "access_denied" ? "" : "warn", text: failed[code] || failed.other };
  }

  /** @param {string} event @param {Session} session @param {string} [reason] */
  changed(event, session, reason) {
    clearTimeout(this.patience);
    this.outage = false;
    this.session = session;
    if (event === "SIGNED_OUT" || event === "SESSION_EXPIRED") {
      /** @type {Record<string, string>} */
      const over = this.words.over;
      this.dialog.close();
      this.devices = [];
      if (!this.notice?.url) this.notice = { tone: "", text: over[reason || "expired"] || over.logout };
      this.announce(this.notice.text);
    } else if (event === "SIGNED_IN") {
      this.notice = undefined;
    }
    this.draw();
    if (session.authenticated) this.loadDevices();
    else if (event !== "INITIAL_SESSION") this.focus("h1");
  }

  async loadDevices() {
    try {
      this.devices = await this.client.listSessions();
      this.draw();
    } catch {
      // The next look will tell whether the session ended or the server is out of reach.
    }
  }

  fail() {
    if (this.session) return;
    this.outage = true;
    this.draw();
  }

  /** @param {string} text */
  announce(text) {
    this.live.textContent = "";
    setTimeout(() => this.live.textContent = text, 50);
  }

  /** @param {string} selector */
  focus(selector) {
    const el = this.view.querySelector(selector);
    if (el instanceof HTMLElement) el.focus();
  }

  /** Does one thing at a time, and says how it went. @param {() => Promise<unknown>} work @param {string} good @param {string} bad @param {string} next where the focus goes */
  async act(work, good, bad, next) {
    if (this.busy) return;
    this.busy = true;
    this.draw();
    let text = good, tone = "good";
    try {
      await work();
    } catch (error) {
      text = bad;
      tone = "bad";
      console.warn(error);
    }
    this.busy = false;
    if (text) this.notice = { tone, text };
    this.draw();
    if (text) this.announce(text);
    this.focus(next);
  }

  /** Asks before something ends. @param {{ title: string, points: string[], yes: string, no: string }} question @returns {Promise<boolean>} */
  ask({ title, points, yes, no }) {
    const { dialog } = this;
    return new Promise((resolve) => {
      const answer = (/** @type {boolean} */ value) => () => {
        dialog.close();
        resolve(value);
      };
      dialog.replaceChildren(
        h("h2", { id: "ask-title" }, title),
        h("ul", { id: "ask-text" }, points.map((p) => h("li", null, p))),
        h("div", { class: "actions" },
          h("button", { class: "button", type: "button", autofocus: true, onclick: answer(false) }, no),
          h("button", { class: "button danger primary", type: "button", onclick: answer(true) }, yes)));
      dialog.oncancel = answer(false);
      dialog.showModal();
    });
  }

  draw() {
    const focused = this.view.contains(document.activeElement) ? document.activeElement?.id : "";
    if (this.view.parentElement === document.body) document.title = this.words.title;
    this.view.replaceChildren(...this.frame(!this.session ? this.waiting() : this.session.authenticated ? this.signedIn(this.session) : this.signedOut()));
    if (focused) this.focus("#" + CSS.escape(focused));
  }

  /** @param {Node[]} content */
  frame(content) {
    const { words, lang } = this, other = lang === "de" ? "en" : "de", here = new URL(location.href);
    here.searchParams.set("lang", other);
    const own = this.view.parentElement === document.body;
    return [
      own && h("a", { class: "skip", href: "#account" }, words.skip),
      own && h("header", { class: "top" },
        h("a", { href: "/" }, icon("back", 16), words.back),
        h("a", { href: here.pathname + here.search, lang: other, hreflang: other }, words.otherLanguage)),
      h(own ? "main" : "div", { class: "account", id: "account" }, content),
    ].filter((x) => x instanceof Node);
  }

  /** @returns {Node[]} */
  waiting() {
    const { words } = this;
    if (this.outage) {
      return [h("h1", { tabindex: -1 }, words.title), h("div", { class: "notice warn", role: "alert" }, icon("warn"), h("div", null, h("p", null, words.outage),
        h("button", { class: "button", type: "button", id: "again", onclick: () => location.reload() }, words.again)))];
    }
    return [h("h1", { class: "unseen" }, words.title), h("p", { class: "unseen", role: "status" }, words.loading), h("div", { class: "bone thin" }), h("div", { class: "bone" })];
  }

  note() {
    const { notice, words } = this;
    if (!notice) return [];
    const dismiss = () => {
      this.notice = undefined;
      this.draw();
      this.focus("h1");
    };
    return [h("div", { class: "notice " + notice.tone },
      icon(notice.tone === "good" ? "check" : notice.tone ? "warn" : "info"),
      h("div", null, h("p", null, notice.text), notice.url && h("a", { class: "button", href: notice.url }, notice.button)),
      h("button", { class: "button quiet close", type: "button", id: "dismiss", "aria-label": words.dismiss, onclick: dismiss }, icon("close")))];
  }

  /** @returns {Node[]} */
  signedOut() {
    const { words, session, lang } = this, providers = session?.providers || [];
    const to = encodeURIComponent("/bff/account?lang=" + lang);
    return [h("div", { class: "signed-out" },
      this.note(),
      h("div", null, h("h1", { tabindex: -1 }, words.signIn), h("p", { class: "soft" }, providers.length ? words.signInHint : words.noProviders)),
      providers.length > 0 && h("ul", { class: "providers" }, providers.map((p) =>
        h("li", null, h("a", { class: "button", href: `${p.login_url}?return_to=${to}` }, mark(p.name, p.title, "small"), say(words.signInWith, { title: p.title }))))),
      h("p", { class: "foot" }, words.footerOut))];
  }

  /** @param {SignedIn} session @returns {Node[]} */
  signedIn(session) {
    return [
      this.who(session),
      ...this.note(),
      this.linked(session),
      this.sessions(),
      h("footer", { class: "foot" }, h("p", null, this.ends(session)), h("p", null, this.words.footer)),
    ];
  }

  /** @param {SignedIn} session */
  ends(session) {
    const rel = new Intl.RelativeTimeFormat(this.lang), idle = Math.max(1, Math.round((Date.parse(session.session.idle_expires_at) - Date.now()) / 60e3));
    const end = new Date(session.session.expires_at).toLocaleString(this.lang, { dateStyle: "medium", timeStyle: "short" });
    return say(this.words.ends, { idle: idle < 120 ? rel.format(idle, "minute") : rel.format(Math.round(idle / 60), "hour"), end });
  }

  /** @param {string} provider */
  title(provider) {
    const s = this.session;
    return s?.providers?.find((p) => p.name === provider)?.title || (s?.authenticated && s.connections.find((c) => c.provider === provider)?.title) || provider;
  }

  /** @param {SignedIn} session */
  who({ user }) {
    const { words } = this, name = user.name || user.email || user.subject;
    return h("section", { class: "who", "aria-labelledby": "name" },
      face(user.subject, name),
      h("div", null,
        h("h1", { id: "name", tabindex: -1 }, h("span", { class: "unseen" }, words.title + ": "), h("bdi", null, name)),
        user.name && user.email && h("p", null, h("bdi", null, user.email)),
        h("p", { class: "soft small" }, say(words.signedInWith, { title: this.title(user.provider) }))),
      h("div", { class: "actions" }, h("button", { class: "button", type: "button", id: "sign-out", "aria-disabled": this.busy && "true", onclick: () => this.signOut(user.provider) }, words.signOut)));
  }

  /** @param {string} provider */
  signOut(provider) {
    const { words } = this, title = this.title(provider);
    this.act(async () => {
      const { logout_url: url } = await this.client.logout();
      if (url) this.notice = { tone: "", text: say(words.alsoAt, { title }), url, button: say(words.alsoAtButton, { title }) };
    }, "", words.signOutFails, "h1");
  }

  /** @param {SignedIn} session */
  linked(session) {
    const { words } = this, providers = session.providers || [], to = encodeURIComponent("/bff/account?lang=" + this.lang);
    return h("section", { class: "part", "aria-labelledby": "linked" },
      h("header", null, h("h2", { id: "linked", tabindex: -1 }, words.linked), h("p", { class: "soft small" }, words.linkedHint)),
      session.connections.length
        ? h("ul", { class: "cards" }, session.connections.map((c) => h("li", { class: "card" }, this.connection(c, session))))
        : h("p", { class: "soft" }, words.noneLinked),
      providers.length > 0 && h("div", { class: "link-more" },
        h("h3", { class: "small" }, words.linkMore),
        h("ul", { class: "providers" }, providers.map((p) =>
          h("li", null, h("a", { class: "button", href: `${p.connect_url}?return_to=${to}` }, mark(p.name, p.title, "small"), p.title))))));
  }

  /** @param {Connection} c @param {SignedIn} session */
  connection(c, session) {
    const { words, lang } = this, title = c.title || this.title(c.provider), account = c.account.email || c.account.name || c.account.subject;
    const values = { title, account }, broken = c.status !== "active", own = c.provider === session.user.provider && c.account.subject === session.user.subject;
    const may = allowed(c.provider, c.scopes, lang), url = session.providers?.find((p) => p.name === c.provider)?.connect_url || "/bff/connect/" + encodeURIComponent(c.provider);
    const repair = `${url}?connection=${encodeURIComponent(c.id)}&return_to=${encodeURIComponent("/bff/account?lang=" + lang)}`;
    return [
      h("header", null, mark(c.provider, title),
        h("div", null, h("h3", null, title, own && h("span", { class: "pill" }, words.usedToSignIn)), h("p", { class: "soft small" }, h("bdi", null, account))),
        h("span", { class: broken ? "pill warn" : "pill good" }, icon(broken ? "warn" : "check", 14), broken ? words.broken : words.active)),
      broken && h("div", { class: "notice warn" }, icon("warn"), h("div", null,
        h("p", null, say(words.why[c.reason || "unknown"] || words.why.unknown, values)),
        h("a", { class: "button primary", href: repair, "aria-label": say(words.repairName, values) }, words.repair))),
      h("div", { class: "may" }, h("p", null, broken ? words.mayAgain : words.may),
        may.length ? h("ul", null, may.map((m) => h("li", null, icon(m.kind, 17), m.words ? h("span", null, m.words) : h("code", null, m.scope)))) : h("p", { class: "soft" }, words.mayNothing)),
      h("footer", null,
        h("dl", { class: "facts" },
          h("div", null, h("dt", null, words.linkedAt), h("dd", null, when(c.connected_at, lang, words.now))),
          h("div", null, h("dt", null, words.usedAt), h("dd", null, c.used_at ? when(c.used_at, lang, words.now) : words.neverUsed))),
        h("button", { class: "button danger", type: "button", id: "unlink-" + c.id, "aria-disabled": this.busy && "true", "aria-label": say(words.unlinkName, values),
          onclick: () => this.unlink(c, values, own) }, words.unlink)),
    ];
  }

  /** @param {Connection} c @param {Record<string, string>} values @param {boolean} own */
  async unlink(c, values, own) {
    const { words } = this, fill = (/** @type {string} */ t) => say(t, values);
    const points = own ? [...words.unlinkWhat, words.unlinkStay] : words.unlinkWhat;
    if (!await this.ask({ title: fill(words.unlinkAsk), points: points.map(fill), yes: words.unlink, no: words.unlinkCancel })) return;
    await this.act(async () => {
      await this.client.disconnect(c.id);
      const s = this.session;
      if (s?.authenticated) this.session = { ...s, connections: s.connections.filter((x) => x.id !== c.id) };
    }, fill(words.unlinked), fill(words.unlinkFails), "#linked");
  }

  sessions() {
    const { words, lang } = this, others = this.devices.filter((d) => !d.current), devices = [...this.devices.filter((d) => d.current), ...others];
    /** @param {string} text @param {string} iso */
    const timed = (text, iso) => {
      const [before, after] = text.split("{time}");
      return [before, when(iso, lang, words.now), after];
    };
    return h("section", { class: "part", "aria-labelledby": "sessions" },
      h("header", null, h("h2", { id: "sessions", tabindex: -1 }, words.sessions), h("p", { class: "soft small" }, others.length ? words.sessionsHint : words.onlyHere)),
      devices.length > 0 && h("ul", { class: "rows" }, devices.map((d) => {
        const device = words.device(d.device);
        return h("li", { class: "row" }, icon(/iPhone|Android/.test(d.device) ? "phone" : "desktop", 22),
          h("div", null, h("strong", null, device, d.current && h("span", { class: "pill good" }, words.thisDevice)),
            h("p", { class: "soft small" }, timed(words.signedInAt, d.created_at), ", ", d.current ? words.inUse : timed(words.seenAt, d.last_seen_at))),
          !d.current && h("button", { class: "button", type: "button", id: "end-" + d.id, "aria-disabled": this.busy && "true", "aria-label": say(words.endName, { device }),
            onclick: () => this.end(d.id, say(words.ended, { device })) }, words.end));
      })),
      others.length > 1 && h("div", { class: "actions" }, h("button", { class: "button danger", type: "button", id: "end-others", "aria-disabled": this.busy && "true", onclick: () => this.endOthers() }, words.endOthers)));
  }

  async endOthers() {
    const { words } = this;
    if (!await this.ask({ title: words.endOthersAsk, points: words.endOthersWhat, yes: words.endOthers, no: words.cancel })) return;
    await this.end(undefined, words.endedOthers);
  }

  /** @param {string | undefined} id @param {string} good */
  end(id, good) {
    return this.act(async () => {
      await this.client.revokeSession(id);
      await this.loadDevices();
    }, good, this.words.endFails, "#sessions");
  }
}
