// @ts-check
/** @import { Client } from "./types.js" */
/** @import { PreferencesState, SessionState, Store } from "./store.js" */
import { preferencesOf, sessionOf } from "./store.js";

/**
 * What Svelte calls a readable store: `$name` in a component is its value.
 * @template S
 * @typedef {{ subscribe: (run: (value: S) => void) => () => void }} Readable
 */

/** @template S @param {Store<S>} store @returns {Readable<S>} */
const readable = (store) => ({
  subscribe(run) {
    run(store.get());
    // On a server nobody is asked: the session belongs to the browser.
    return typeof document === "undefined" ? () => {} : store.subscribe(() => run(store.get()));
  },
});

/** The session, kept current in every tab. @param {Client} client @returns {Readable<SessionState>} */
export const sessionStore = (client) => readable(sessionOf(client));

/** The user's own JSON object, kept current in every tab and on every device; change it with `$preferences.set(patch)`.
 * @param {Client} client @returns {Readable<PreferencesState>} */
export const preferencesStore = (client) => readable(preferencesOf(client));
