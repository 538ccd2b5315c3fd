// The last page of a popup. It says to the tab that opened it how it went: over BroadcastChannel, since the provider's
// pages may have cut window.opener.
import { h, icon } from "./ui.js";
import { language, languages, named } from "./words.js";

const query = new URLSearchParams(location.search);
const lang = language(query.get("lang")), words = named(languages[lang], languages[lang].app);
/** @type {Record<string, string>} */
const failed = words.failed;
const code = query.get("bff_error") || "", id = query.get("id") || "";
const error = code && (code in failed ? code : "login_failed");

if (/^[0-9a-f-]{36}$/.test(id)) {
  const bus = new BroadcastChannel("bff");
  bus.postMessage({ done: id, error: error || undefined });
  bus.postMessage({ why: "connection" }); // for the other tabs, and for when the one that asked is gone
  bus.close();
  close();
}

document.documentElement.lang = lang;
document.title = error ? words.failedTitle : words.doneTitle;
const main = h("main", { class: error ? "done failed" : "done", id: "done" },
  icon(error ? "warn" : "check", 48), h("h1", null, document.title),
  error && h("p", null, failed[error]), h("p", { class: "soft" }, words.doneText));
document.querySelector("#done")?.replaceWith(main);
