// The account: who you are, what is linked, where you are signed in. It can be mounted into a page of your own:
//
//   import { mount } from "/bff/account/account.js";
//   mount(document.querySelector("#account"), { client });
//
/** @import { Client, Device, Session, SignedIn } from "/bff/types.js" */
import { devices } from "./devices.js";
import { linked } from "./linked.js";
import { askToErase, data, uses, who } from "./person.js";
import { h, icon, mark } from "./ui.js";
import { language, languages, named, say } from "./words.js";

/** What bff says about the application and its providers.
 * @typedef {{ name?: string | null, logo?: string | null,
 *   providers?: Record<string, { color?: string, scopes?: Record<string, [kind: string, en: string, de: string]> }>,
 *   }} App */
/** @typedef {{ provider: string, title?: string, subject: string, email?: string, name?: string, sign_in?: boolean,
 *   }} Identity */
/** @typedef {{ client: string, provider: string, connection: string, reason: string, at: string }} Use */
/** What bff keeps about the person, as in the file that can be downloaded.
 * @typedef {{ identities?: Identity[], uses?: Use[] }} Kept */
/** @typedef {{ tone: string, text: string, url?: string, button?: string }} Notice */

/** @param {Element} root @param {{ client: Client, lang?: string }} options @returns {() => void} takes it away */
export function mount(root, { client, lang = language(new URLSearchParams(location.search).get("lang")) }) {
  const page = new Account(root, client, lang);
  return () => page.stop();
}

export class Account {
  /** @type {Session | undefined} */
  session;
  /** @type {Device[]} */
  devices = [];
  /** @type {Kept | undefined} */
  kept;
  /** @type {App} */
  app = {};
  /** What to say: how the way back from a provider ended, or what just happened. @type {Notice | undefined} */
  notice;
  outage = false;
  busy = false;

  /** @param {Element} root @param {Client} client @param {string} lang */
  constructor(root, client, lang) {
    this.client = client;
    this.lang = lang;
    this.own = root === document.body;
    this.words = named(languages[lang], languages[lang].app);
    this.view = h("div", null);
    this.live = h("p", { class: "unseen", role: "status" });
    this.dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title", "aria-describedby": "ask-text" });
    this.shell = h("div", { class: "bff", lang, dir: "ltr" }, this.view, this.live, this.dialog);
    root.append(this.shell);
    if (this.own) document.documentElement.lang = lang;
    this.erasing = this.takeQuery();
    this.draw();
    this.loadApp();
    this.stopListening = client.onAuthStateChange((event, session, reason) => this.changed(event, session, reason));
    this.refresh = () => document.visibilityState === "visible" && this.session?.authenticated && this.load();
    document.addEventListener("visibilitychange", this.refresh);
    this.clock = setInterval(() => this.draw(), 60e3);
    this.patience = setTimeout(() => this.fail(), 4e3); // the client waits an outage out; the person should know
  }

  stop() {
    this.stopListening();
    clearInterval(this.clock);
    clearTimeout(this.patience);
    document.removeEventListener("visibilitychange", this.refresh);
    this.shell.remove();
  }

  /** The outcome of a way back from a provider, taken out of the address so that a reload does not repeat it.
   * @returns {boolean} whether the person came back in order to erase the account */
  takeQuery() {
    const here = new URL(location.href);
    const code = here.searchParams.get("bff_error"), erase = here.searchParams.has("erase");
    if (!code && !erase) return false;
    here.searchParams.delete("bff_error");
    here.searchParams.delete("erase");
    history.replaceState(history.state, "", here);
    if (!code) return true;
    /** @type {Record<string, string>} */
    const failed = this.words.failed, blocked = code === "login_expired" && !navigator.cookieEnabled;
    this.notice = { tone: code === "access_denied" ? "" : "warn",
      text: blocked ? this.words.noCookies : failed[code] || failed.other };
    return false;
  }

  async loadApp() {
    try {
      const answer = await this.client.fetch("/bff/account/app.json");
      if (!answer.ok) return;
      this.app = await answer.json();
    } catch {
      return; // without its name it is "this application"
    }
    const { name } = this.app;
    if (name) this.words = named(languages[this.lang], { app: name, App: name, ofApp: name });
    this.draw();
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
      this.kept = undefined;
      if (!this.notice?.url) this.notice = { tone: "", text: over[reason || "expired"] || over.logout };
      this.announce(this.notice.text);
    } else if (event === "SIGNED_IN") {
      this.notice = undefined;
    }
    this.draw();
    if (session.authenticated) this.load();
    else if (event !== "INITIAL_SESSION") this.focus("h1");
    if (this.erasing && session.authenticated) askToErase(this, session);
    this.erasing = false;
  }

  /** Reads what is not in the session: devices, identities, uses. */
  async load() {
    const read = async () => {
      // A user that is not registered has nothing that is kept beside the session.
      if (!this.session?.authenticated || !this.session.user.created_at) return undefined;
      const answer = await this.client.fetch("/bff/account/export");
      return answer.ok ? answer.json() : undefined;
    };
    const [sessions, kept] = await Promise.allSettled([this.client.listSessions(), read()]);
    // What could not be read stays as it was: the next look says whether the session ended or the server is away.
    if (sessions.status === "fulfilled") this.devices = sessions.value;
    if (kept.status === "fulfilled") this.kept = kept.value;
    this.draw();
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

  /** Does one thing at a time, and says how it went.
   * @param {() => Promise<unknown>} work @param {string} good @param {string} bad @param {string} next where the focus
   *   goes */
  async act(work, good, bad, next) {
    if (this.busy) return;
    this.busy = true;
    this.draw();
    let text = good, tone = "good";
    try {
      await work();
    } catch (error) {
      text = error instanceof TypeError ? this.words.noAnswer : bad; // fetch: it may have been done
      tone = "bad";
      console.warn(error);
    }
    this.busy = false;
    if (text) this.notice = { tone, text };
    this.draw();
    if (text) this.announce(text);
    this.focus(next);
  }

  /** Opens the dialog with a title and what is below it. @param {string} title @param {...any} content */
  show(title, ...content) {
    this.dialog.replaceChildren(h("h2", { id: "ask-title" }, title), ...content);
    this.dialog.oncancel = null;
    this.dialog.showModal();
  }

  /** Asks before something ends.
   * @param {{ title: string, points: string[], yes: string, no: string }} question @returns {Promise<boolean>} */
  ask({ title, points, yes, no }) {
    const { dialog } = this;
    return new Promise((resolve) => {
      const answer = (/** @type {boolean} */ value) => () => {
        dialog.close();
        resolve(value);
      };
      this.show(title,
        h("ul", { id: "ask-text" }, points.map((p) => h("li", null, p))),
        h("div", { class: "actions" },
          h("button", { class: "button", type: "button", autofocus: true, onclick: answer(false) }, no),
          h("button", { class: "button danger primary", type: "button", onclick: answer(true) }, yes)));
      dialog.oncancel = answer(false);
    });
  }

  /** Where a way through a provider comes back to: here. @param {string} [more] */
  returnTo(more = "") {
    return this.own ? `/bff/account?lang=${this.lang}${more}` : location.pathname + location.search;
  }

  draw() {
    const { session, view } = this, focused = view.contains(document.activeElement) ? document.activeElement?.id : "";
    if (this.own) document.title = this.app.name ? `${this.words.title} · ${this.app.name}` : this.words.title;
    const content = !session ? this.waiting() : session.authenticated ? this.signedIn(session) : this.signedOut();
    view.replaceChildren(...this.frame(content));
    if (focused) this.focus("#" + CSS.escape(focused));
  }

  /** @param {Node[]} content @returns {Node[]} */
  frame(content) {
    const { words, lang, app, own } = this, other = lang === "de" ? "en" : "de", here = new URL(location.href);
    if (!own) return [h("div", { class: "account", id: "account" }, content)];
    here.searchParams.set("lang", other);
    return [
      h("a", { class: "skip", href: "#account" }, words.skip),
      h("header", { class: "top" },
        h("a", { href: "/" }, icon("back", 16),
          app.logo && h("img", { src: "/bff/account/" + app.logo, alt: "", class: "logo" }),
          app.name ? say(words.backTo, { name: app.name }) : words.back),
        h("a", { href: here.pathname + here.search, lang: other, hreflang: other }, words.otherLanguage)),
      h("main", { class: "account", id: "account" }, content),
    ];
  }

  /** @returns {Node[]} */
  waiting() {
    const { words } = this;
    if (!this.outage) {
      return [h("h1", { class: "unseen" }, words.title), h("p", { class: "unseen", role: "status" }, words.loading),
        h("div", { class: "bone thin" }), h("div", { class: "bone" })];
    }
    const again = h("button", { class: "button", type: "button", id: "again", onclick: () => location.reload() },
      words.again);
    return [h("h1", { tabindex: -1 }, words.title),
      h("div", { class: "notice warn", role: "alert" }, icon("warn"),
        h("div", null, h("p", null, words.outage), again))];
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
      h("div", null, h("p", null, notice.text),
        notice.url && h("a", { class: "button", href: notice.url }, notice.button)),
      h("button", { class: "button quiet close", type: "button", id: "dismiss", "aria-label": words.dismiss,
        onclick: dismiss }, icon("close")))];
  }

  /** @returns {Node[]} */
  signedOut() {
    const { words, session, app } = this, providers = session?.providers || [];
    const to = encodeURIComponent(this.returnTo());
    return [h("div", { class: "signed-out" },
      this.note(),
      h("div", null,
        h("h1", { tabindex: -1 }, app.name ? say(words.signInTo, { name: app.name }) : words.signIn),
        h("p", { class: "soft" }, providers.length ? words.signInHint : words.noProviders)),
      providers.length > 0 && h("ul", { class: "providers" }, providers.map((p) =>
        h("li", null, h("a", { class: "button", href: `${p.login_url}?return_to=${to}` },
          mark(app, p.name, p.title, "small"), say(words.signInWith, { title: p.title }))))),
      h("p", { class: "foot" }, words.footerOut))];
  }

  /** @param {SignedIn} session @returns {Node[]} */
  signedIn(session) {
    return [
      who(this, session),
      ...this.note(),
      linked(this, session),
      devices(this),
      uses(this, session),
      data(this, session),
      h("footer", { class: "foot" }, h("p", null, this.ends(session)), h("p", null, this.words.footer)),
    ].filter((x) => x instanceof Node);
  }

  /** @param {SignedIn} session */
  ends({ session }) {
    const rel = new Intl.RelativeTimeFormat(this.lang);
    const idle = Math.max(1, Math.round((Date.parse(session.idle_expires_at) - Date.now()) / 60e3));
    const end = new Date(session.expires_at).toLocaleString(this.lang, { dateStyle: "medium", timeStyle: "short" });
    const left = idle < 120 ? rel.format(idle, "minute") : rel.format(Math.round(idle / 60), "hour");
    return say(this.words.ends, { idle: left, end });
  }

  /** What a provider is called. @param {string} provider */
  title(provider) {
    const s = this.session;
    return s?.providers?.find((p) => p.name === provider)?.title
      || (s?.authenticated && s.connections.find((c) => c.provider === provider)?.title) || provider;
  }
}
