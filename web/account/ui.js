// Small things that pages are made of: elements, icons, marks of providers, times. Nothing here takes markup as text.

/**
 * An element. `on…` properties are listeners, true is an attribute without a value; false, null, undefined are none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any> | null} [props] @param {...any} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(props || {})) {
    if (k.startsWith("on")) el.addEventListener(k.slice(2), v);
    else if (v === true) el.setAttribute(k, "");
    else if (v !== false && v != null) el.setAttribute(k, String(v));
  }
  el.append(...children.flat(Infinity).filter((c) => c != null && c !== false && c !== ""));
  return el;
}

/** @type {Record<string, string>} 24 by 24, strokes of 2 */
const shapes = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 13l4.5 4.5L19 7",
  see: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 " +
    "0 0-5.6z",
  change: "M4 20l1-4.5L16 4.5a2 2 0 0 1 3 0l.5.5a2 2 0 0 1 0 3L8.5 19 4 20zM14 7l3.5 3.5",
  who: "M12 3.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c.8-4 3.8-6 7.5-6s6.7 2 7.5 6",
  keep: "M20 11a8 8 0 0 0-14.5-4M4 4v4h4M4 13a8 8 0 0 0 14.5 4M20 20v-4h-4",
  other: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9.7 9.5a2.4 2.4 0 1 1 3.4 2.4c-.8.4-1.1.9-1.1 1.8M12 16.6v.1",
  warn: "M12 4L2.5 20h19L12 4zM12 10v4.5M12 17.3v.1",
  info: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.6v.1",
  desktop: "M3 5h18v11H3zM8.5 20h7M12 16v4",
  phone: "M7.5 2.5h9A1.5 1.5 0 0 1 18 4v16a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 6 20V4a1.5 1.5 0 0 1 1.5-1.5zM11 " +
    "18.5h2",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  lock: "M6.5 11h11A1.5 1.5 0 0 1 19 12.5v7a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 19.5v-7A1.5 1.5 0 0 1 6.5 " +
    "11zM8 11V8a4 4 0 0 1 8 0v3",
  plus: "M12 5v14M5 12h14",
};

/** An e-mail address that may be broken after the at-sign and before dots, and nowhere else. @param {string} text */
export const address = (text) => h("bdi", null, text.split(/(?<=@)|(?=\.)/).flatMap((part) => [part, h("wbr", null)]));

const svgNS = "http://www.w3.org/2000/svg";

/** A picture that says nothing which the text beside it does not. @param {string} name @param {number} [size] */
export function icon(name, size = 18) {
  const svg = document.createElementNS(svgNS, "svg"), path = document.createElementNS(svgNS, "path");
  const attributes = { viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor",
    "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
  for (const [k, v] of Object.entries(attributes)) svg.setAttribute(k, String(v));
  path.setAttribute("d", shapes[name] || shapes.other);
  svg.append(path);
  return svg;
}

/** Tones of well-known names, so that they do not collide on a page that shows several.
 * @type {Record<string, number>} */
const tones = {
  google: 5, demo: 5, github: 0, microsoft: 2, gitlab: 1, slack: 3,
  apple: 0, spotify: 2, discord: 3, dropbox: 5, notion: 7, linkedin: 0, atlassian: 5 };

/** @param {string} name */
const toneOf = (name) => tones[name] ?? [...name].reduce((n, c) => (n * 31 + (c.codePointAt(0) || 0)) >>> 0, 7) % 8;

/** One or two letters for a name. @param {string} name */
export function initials(name) {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((w) => [...w][0].toUpperCase()).join("") || "?";
}

/** A provider's mark: letters of ours ("GH"), never somebody's logo. One that has a color is on the server's sheet.
 * @param {{ providers?: Record<string, { color?: string }> }} app
 * @param {string} provider @param {string} title @param {string} [more] class */
export const mark = (app, provider, title, more = "") =>
  app.providers?.[provider]?.color
    ? h("span", { class: `mark sheet ${more}`, "aria-hidden": "true" }, drawn(provider))
    : h("span", { class: `mark tone-${toneOf(provider)} ${more}`, "aria-hidden": "true" },
      title.match(/\p{Lu}/gu)?.slice(0, 2).join("") || initials(title));

/** A symbol of the sheet. @param {string} provider */
function drawn(provider) {
  const svg = document.createElementNS(svgNS, "svg"), use = document.createElementNS(svgNS, "use");
  use.setAttribute("href", "/bff/account/marks.svg#" + encodeURIComponent(provider));
  svg.append(use);
  return svg;
}

/** A person's mark. A picture would be a request to another origin.
 * @param {string} seed @param {string} name @param {string} [more] class */
export const face = (seed, name, more = "") =>
  h("span", { class: `mark round tone-${toneOf(seed)} ${more}`, "aria-hidden": "true" }, initials(name));

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const units = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600],
  ["minute", 60]];

/** "3 days ago", in words of the language.
 * @param {string} iso @param {string} lang @param {string} now what is less than a minute ago */
function ago(iso, lang, now) {
  const s = (Date.now() - Date.parse(iso)) / 1000, [unit, length] = units.find(([, length]) => s >= length) || [];
  if (!unit || !length) return now;
  return new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-Math.trunc(s / length), unit);
}

/** A time for people and machines. @param {string} iso @param {string} lang @param {string} now */
export const when = (iso, lang, now) => {
  const title = new Date(iso).toLocaleString(lang, { dateStyle: "long", timeStyle: "short" });
  return h("time", { datetime: iso, title }, ago(iso, lang, now));
};
