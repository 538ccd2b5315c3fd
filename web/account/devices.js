// Where a person is signed in.
/** @import { Account } from "./account.js" */
/** @import { Device } from "/bff/types.js" */
import { h, icon, when } from "./ui.js";
import { say } from "./words.js";

/** @param {Account} page */
export function devices(page) {
  const { words } = page, others = page.devices.filter((d) => !d.current);
  const all = [...page.devices.filter((d) => d.current), ...others];
  const endAll = () => endOthers(page);
  return h("section", { class: "part", "aria-labelledby": "sessions" },
    h("header", null,
      h("h2", { id: "sessions", tabindex: -1 }, words.sessions),
      h("p", { class: "soft small" }, others.length ? words.sessionsHint : words.onlyHere)),
    all.length > 0 && h("ul", { class: "rows" }, all.map((d) => row(page, d, all))),
    others.length > 1 && h("div", { class: "actions" },
      h("button", { class: "button danger", type: "button", id: "end-others", "aria-disabled": page.busy && "true",
        onclick: endAll }, words.endOthers)));
}

/** @param {Account} page @param {Device} d @param {Device[]} all */
function row(page, d, all) {
  const { words, lang } = page, device = words.device(d.device);
  // Two sessions of one browser differ in when they began: to the second, where it must be.
  const twin = all.some((x) => x !== d && x.device === d.device);
  const began = new Date(d.created_at).toLocaleString(lang, { dateStyle: "medium", timeStyle: "medium" });
  /** @param {string} text @param {string} iso */
  const timed = (text, iso) => {
    const [before, after] = text.split("{time}");
    return [before, when(iso, lang, words.now), after];
  };
  const name = twin ? say(words.endNameOf, { device, time: began }) : say(words.endName, { device });
  const end = () => endOne(page, d.id, say(words.ended, { device }));
  return h("li", { class: "row" }, icon(/iPhone|Android/.test(d.device) ? "phone" : "desktop", 22),
    h("div", null,
      h("strong", null, device, d.current && h("span", { class: "pill good" }, words.thisDevice)),
      h("p", { class: "soft small" },
        twin ? say(words.signedInAt, { time: began }) : timed(words.signedInAt, d.created_at),
        d.front && [" ", say(words.signedInOn, { front: d.front.replace(/^https?:\/\//, "") })],
        ", ", d.current ? words.inUse : timed(words.seenAt, d.last_seen_at))),
    !d.current && h("button", { class: "button", type: "button", id: "end-" + d.id, "aria-label": name,
      "aria-disabled": page.busy && "true", onclick: end }, words.end));
}

/** @param {Account} page */
async function endOthers(page) {
  const { words } = page;
  const question = { title: words.endOthersAsk, points: words.endOthersWhat, yes: words.endOthers, no: words.cancel };
  if (await page.ask(question)) await endOne(page, undefined, words.endedOthers);
}

/** @param {Account} page @param {string | undefined} id all others, without one @param {string} good */
function endOne(page, id, good) {
  return page.act(async () => {
    await page.client.revokeSession(id);
    page.devices = page.devices.filter((d) => d.current || id && d.id !== id);
  }, good, page.words.endFails, "#sessions");
}
