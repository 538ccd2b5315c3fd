import type { Client } from "./types.js";
import type { PreferencesState, SessionState } from "./store.js";
export type Readable<S> = {
    subscribe: (run: (value: S) => void) => () => void;
};
/** The session, kept current in every tab. @param {Client} client @returns {Readable<SessionState>} */
export declare const sessionStore: (client: Client) => Readable<SessionState>;
/** The user's own JSON object, kept current in every tab and on every device; change it with `$preferences.set(patch)`.
 * @param {Client} client @returns {Readable<PreferencesState>} */
export declare const preferencesStore: (client: Client) => Readable<PreferencesState>;
