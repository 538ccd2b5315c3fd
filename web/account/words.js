// What the account page says. `{…}` are filled in by say(); `{app}` is the application's name, or "this application".
import { english } from "./english.js";
import { german } from "./german.js";

/** @typedef {typeof english} Words */

/** @type {Record<string, Words>} */
export const languages = { en: english, de: german };

/** The language a person reads: `?lang=`, else the first one of theirs that there is, else English.
 * @param {string | null} [asked] */
export function language(asked) {
  const wanted = [asked || "", ...navigator.languages].map((l) => l.slice(0, 2).toLowerCase());
  return wanted.find((l) => l in languages) || "en";
}

/** Fills `{name}` in. @param {string} text @param {Record<string, string>} [values] */
export const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

/** A copy of words with names filled in. @template T @param {T} words @param {Record<string, string>} names
 * @returns {T} */
export function named(words, names) {
  if (typeof words === "string") return /** @type {T} */ (say(words, names));
  if (Array.isArray(words)) return /** @type {T} */ (words.map((w) => named(w, names)));
  if (typeof words !== "object" || !words) return words;
  const pairs = Object.entries(words).map(([k, v]) => [k, named(v, names)]);
  return /** @type {T} */ (Object.fromEntries(pairs));
}
