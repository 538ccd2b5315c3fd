// The linked accounts, the ones that only sign a person in, and linking one more.
/** @import { Account } from "./account.js" */
/** @import { Connection, Provider, SignedIn } from "/bff/types.js" */
import { allowed } from "./scopes.js";
import { address, h, icon, mark, when } from "./ui.js";
import { say } from "./words.js";

/** @param {Account} page @param {SignedIn} session */
export function linked(page, session) {
  const { words } = page, providers = (session.providers || []).filter((p) => p.connect_url);
  const provided = (session.providers || []).filter((p) => p.provided);
  return h("section", { class: "part", "aria-labelledby": "linked" },
    h("header", null,
      h("h2", { id: "linked", tabindex: -1 }, words.linked),
      h("p", { class: "soft small" }, words.linkedHint)),
    session.connections.length
      ? h("ul", { class: "cards" }, session.connections.map((c) => h("li", { class: "card" }, card(page, c, session))))
      : h("p", { class: "soft" }, words.noneLinked),
    otherIdentities(page, session),
    providers.length > 0 && h("div", { class: "link-more" },
      h("h3", { class: "small" }, words.linkMore),
      h("ul", { class: "providers" }, providers.map((p) => h("li", null, linkMore(page, p))))),
    provided.length > 0 && h("p", { class: "soft small" },
      say(words.provided, { titles: provided.map((p) => p.title).join(", ") })));
}

/** Identities without a connection: they sign the person in, and nothing can be called with them.
 * @param {Account} page @param {SignedIn} session */
function otherIdentities(page, session) {
  const { words } = page;
  const others = (page.kept?.identities || []).filter((i) => i.sign_in !== false
    && !session.connections.some((c) => c.provider === i.provider && c.account.subject === i.subject));
  return others.length > 0 && h("div", { class: "link-more plain" },
    h("h3", { class: "small" }, words.alsoSignsIn),
    h("ul", { class: "identities" }, others.map((i) => {
      const title = i.title || page.title(i.provider);
      return h("li", null, mark(page.app, i.provider, title, "small"), h("span", null, title),
        h("bdi", { class: "soft" }, i.email || i.name || i.subject));
    })),
    h("p", { class: "soft small" }, words.alsoSignsInHint));
}

/** @param {Account} page @param {Provider} p */
function linkMore(page, p) {
  const content = [mark(page.app, p.name, p.title, "small"), p.title];
  const to = encodeURIComponent(page.returnTo());
  if (!p.form) return h("a", { class: "button", href: `${p.connect_url}?return_to=${to}` }, content);
  const props = { class: "button", type: "button", id: "form-" + p.name };
  return h("button", { ...props, onclick: () => openForm(page, p) }, content);
}

/** Whether this connection's account is the one that began the session.
 * @param {Connection} c @param {SignedIn} session */
const isOwn = (c, { user }) => c.provider === user.provider && c.account.subject === user.subject;

/** @param {Account} page @param {Connection} c @param {SignedIn} session */
function card(page, c, session) {
  const { words } = page, title = c.title || page.title(c.provider);
  const account = c.account.email || c.account.name || c.account.subject;
  const values = { title, account }, broken = c.status !== "active", own = isOwn(c, session);
  const role = own ? words.usedToSignIn : c.sign_in ? words.signsIn : c.sign_in === false && words.linkedOnly;
  return [
    h("header", null, mark(page.app, c.provider, title),
      h("div", null,
        h("h3", null, title, role && h("span", { class: "pill" }, role)),
        h("p", { class: "soft small" }, address(account))),
      h("span", { class: broken ? "pill warn" : "pill good" }, icon(broken ? "warn" : "check", 14),
        broken ? words.broken : words.active)),
    broken && h("div", { class: "notice warn" }, icon("warn"), h("div", null,
      h("p", null, say(words.why[c.reason || "unknown"] || words.why.unknown, values)),
      repair(page, c, session, say(words.repairName, values)))),
    permissions(page, c, title, broken),
    h("footer", null,
      facts(page, c),
      h("button", { class: "button danger", type: "button", id: "unlink-" + c.id, "aria-disabled": page.busy && "true",
        "aria-label": say(words.unlinkName, values), onclick: () => unlink(page, c, values, own) }, words.unlink)),
  ];
}

/** @param {Account} page @param {Connection} c @param {SignedIn} session @param {string} label */
function repair(page, c, session, label) {
  const provider = session.providers?.find((p) => p.name === c.provider);
  const props = { class: "button primary", "aria-label": label, id: "repair-" + c.id };
  if (provider?.form?.fields.length) {
    return h("button", { ...props, type: "button", onclick: () => openForm(page, provider, c.id) }, page.words.repair);
  }
  const url = provider?.connect_url || "/bff/connect/" + encodeURIComponent(c.provider);
  const query = `connection=${encodeURIComponent(c.id)}&return_to=${encodeURIComponent(page.returnTo())}`;
  return h("a", { ...props, href: `${url}?${query}` }, page.words.repair);
}

/** @param {Account} page @param {Connection} c @param {string} title @param {boolean} broken */
function permissions(page, c, title, broken) {
  const { words, lang } = page, may = allowed(page.app.providers?.[c.provider]?.scopes, c.scopes || [], lang);
  const key = page.session?.providers?.find((p) => p.name === c.provider)?.form?.fields.length;
  const none = key ? say(words.keyNothing, { title }) : words.mayNothing;
  return h("div", { class: "may" }, h("p", null, broken ? words.mayAgain : words.may),
    may.length
      ? h("ul", null, may.map((m) =>
        h("li", null, icon(m.kind, 17), m.words ? h("span", null, m.words) : h("code", null, m.scope))))
      : h("p", { class: "soft" }, none));
}

/** @param {Account} page @param {Connection} c */
function facts(page, c) {
  const { words, lang } = page;
  const fact = (/** @type {string} */ name, /** @type {any} */ value) =>
    h("div", null, h("dt", null, name), h("dd", null, value));
  return h("dl", { class: "facts" },
    fact(words.linkedAt, when(c.connected_at, lang, words.now)),
    fact(words.usedAt, c.used_at ? when(c.used_at, lang, words.now) : words.neverUsed),
    ...Object.entries(c.values || {}).map(([name, value]) => fact(valueName(page, c, name), h("bdi", null, value))),
    c.expires_at && fact(words.endsAt, new Date(c.expires_at).toLocaleDateString(lang, { dateStyle: "medium" })));
}

/** What a value kept with an account is called: as it was asked for, else by its name.
 * @param {Account} page @param {Connection} c @param {string} name */
function valueName(page, c, name) {
  const provider = page.session?.providers?.find((p) => p.name === c.provider);
  return provider?.form?.variables?.find((v) => v.name === name)?.ask || name;
}

/** @param {Account} page @param {Connection} c @param {Record<string, string>} values @param {boolean} own */
async function unlink(page, c, values, own) {
  const { words } = page, fill = (/** @type {string} */ t) => say(t, values);
  const last = !page.kept?.identities?.some((i) =>
    i.sign_in !== false && (i.provider !== c.provider || i.subject !== c.account.subject));
  const points = [...words.unlinkWhat];
  if (c.sign_in && !last) points.push(words.unlinkSignIn);
  if (own) points.push(words.unlinkStay);
  const question = { title: fill(words.unlinkAsk), points: points.map(fill) };
  if (!await page.ask({ ...question, yes: words.unlink, no: words.unlinkCancel })) return;
  await page.act(async () => {
    await page.client.disconnect(c.id);
    const s = page.session;
    if (s?.authenticated) page.session = { ...s, connections: s.connections.filter((x) => x.id !== c.id) };
  }, fill(words.unlinked), fill(words.unlinkFails), "#linked");
}

/** Asks for what a provider needs before an account of it can be linked: an API key, a password, the name of a shop.
 * @param {Account} page @param {Provider} p @param {string} [connection] the one to repair */
function openForm(page, p, connection) {
  const { words } = page, { fields, variables = [] } = p.form || { fields: [] };
  /** @type {Record<string, string>} */
  const labels = words.fields;
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {object} */ more) => [
    h("label", { for: "field-" + name }, label),
    h("input", { id: "field-" + name, name, required: true, autocomplete: "off", spellcheck: "false",
      autocapitalize: "none", ...more })];
  const hidden = { return_to: page.returnTo(), connection };
  const kept = page.session?.authenticated && page.session.connections.find((c) => c.id === connection)?.values || {};
  const form = h("form", { method: "post", action: p.connect_url, class: "form" },
    Object.entries(hidden).map(([name, value]) => value && h("input", { type: "hidden", name, value })),
    variables.map((v) => !kept[v.name] && field("var." + v.name, v.ask, { value: v.default, pattern: v.pattern })),
    fields.map((f) => field(f, labels[f] || f, { type: f === "username" ? "text" : "password" })),
    fields.length > 0 && h("p", { class: "soft small", id: "ask-text" }, words.formHint),
    h("div", { class: "actions" },
      h("button", { class: "button", type: "button", onclick: () => page.dialog.close() }, words.cancel),
      h("button", { class: "button primary", type: "submit" }, words.formSend)));
  // Nothing secret is asked for: an ordinary way to the provider, with the answers in the address. A form may not be
  // redirected to another origin.
  if (!fields.length) {
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      const query = new URLSearchParams([...new FormData(form)].map(([k, v]) => [k, String(v)]));
      location.assign(`${p.connect_url}?${query}`);
    });
  }
  page.show(say(words.formTitle, { title: p.title }), form);
}
