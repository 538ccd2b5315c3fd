// The person: who it is, what services did for them, their data, and the end of it.
/** @import { Account } from "./account.js" */
/** @import { SignedIn } from "/bff/types.js" */
import { address, face, h, icon, when } from "./ui.js";
import { say } from "./words.js";

/** A sign-in this young counts as fresh: the server says the same. */
const fresh = 5 * 60e3;

/** @param {Account} page @param {SignedIn} session */
export function who(page, { user }) {
  const { words, lang } = page, name = user.name || user.email || user.subject;
  const since = user.created_at && new Date(user.created_at).toLocaleDateString(lang, { dateStyle: "medium" });
  return h("section", { class: "who", "aria-labelledby": "name" },
    face(user.subject, name),
    h("div", null,
      h("h1", { id: "name", tabindex: -1 }, h("span", { class: "unseen" }, words.title + ": "), h("bdi", null, name)),
      user.name && user.email && h("p", null, address(user.email)),
      h("p", { class: "soft small" }, say(words.signedInWith, { title: page.title(user.provider) }),
        since && [" · ", say(words.since, { date: since })])),
    h("div", { class: "actions" },
      h("button", { class: "button", type: "button", id: "sign-out", "aria-disabled": page.busy && "true",
        onclick: () => signOut(page, user.provider) }, words.signOut)),
    user.rights && user.rights.length > 0 && h("div", { class: "rights" },
      h("h2", { class: "small", id: "rights" }, words.rights),
      h("ul", { "aria-labelledby": "rights" }, user.rights.map((r) => h("li", { class: "pill" }, h("bdi", null, r))))));
}

/** @param {Account} page @param {string} provider */
function signOut(page, provider) {
  const { words } = page, title = page.title(provider);
  page.act(async () => {
    const { logout_url: url } = await page.client.logout();
    const [text, button] = [words.alsoAt, words.alsoAtButton].map((t) => say(t, { title }));
    if (url) page.notice = { tone: "", text, url, button };
  }, "", words.signOutFails, "h1");
}

/** What services did with linked accounts while the person was away. @param {Account} page @param {SignedIn} session */
export function uses(page, session) {
  const { words, lang } = page, list = page.kept?.uses || [];
  /** @param {import("./account.js").Use} u */
  const account = (u) => {
    const c = session.connections.find((x) => x.id === u.connection), title = page.title(u.provider);
    return c?.account.email ? `${title}, ${c.account.email}` : title;
  };
  return list.length > 0 && h("section", { class: "part", "aria-labelledby": "uses" },
    h("header", null,
      h("h2", { id: "uses", tabindex: -1 }, words.uses),
      h("p", { class: "soft small" }, words.usesHint)),
    h("ul", { class: "rows" }, list.slice(0, 20).map((u) => h("li", { class: "row" }, icon("keep", 22),
      h("div", null,
        h("strong", null, say(words.use, { client: u.client, account: account(u) })),
        h("p", { class: "soft small" }, when(u.at, lang, words.now), u.reason && [": ", h("bdi", null, u.reason)]))))));
}

/** @param {Account} page @param {SignedIn} session */
export function data(page, session) {
  const { words, kept } = page;
  return kept && h("section", { class: "part", "aria-labelledby": "data" },
    h("header", null,
      h("h2", { id: "data", tabindex: -1 }, words.data),
      h("p", { class: "soft small" }, words.dataHint)),
    h("div", { class: "actions" },
      h("a", { class: "button", href: "/bff/account/export", download: "account.json" },
        icon("file", 17), words.download),
      h("button", { class: "button danger", type: "button", id: "erase", "aria-disabled": page.busy && "true",
        onclick: () => askToErase(page, session) }, words.erase)));
}

/** Asks, has the person sign in again unless they just did, and erases.
 * @param {Account} page @param {SignedIn} session */
export async function askToErase(page, session) {
  const { words } = page, { user } = session;
  const young = Date.now() - Date.parse(session.session.created_at) < fresh - 10e3;
  const yes = await page.ask({
    title: say(words.eraseAsk, { name: user.name || user.email || user.subject }),
    points: young ? words.eraseWhat : [...words.eraseWhat, words.eraseFirst],
    yes: young ? words.eraseNow : words.eraseSignIn,
    no: words.cancel,
  });
  if (!yes) return;
  const to = encodeURIComponent(page.returnTo("&erase=1"));
  const again = `/bff/login/${encodeURIComponent(user.provider)}?prompt=login&return_to=${to}`;
  if (!young) return location.assign(again);
  await page.act(async () => {
    try {
      const answer = await page.client.fetch("/bff/account", { method: "DELETE" });
      if (!answer.ok) throw new Error(answer.headers.get("BFF-Error") || String(answer.status));
    } catch (error) {
      const { problem } = /** @type {{ problem?: { code: string } }} */ (error);
      if (problem?.code !== "not_signed_in") throw error;
      location.assign(again); // the server finds the sign-in too old
    }
  }, "", words.eraseFails, "#data");
}
