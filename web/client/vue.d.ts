import type { Client } from "./types.js";
import type { PreferencesState, SessionState } from "./store.js";
import type { Ref } from "vue";
/** The session, kept current in every tab until the component is gone.
 * @param {Client} client @returns {Readonly<Ref<SessionState>>} */
export declare const useSession: (client: Client) => Readonly<Ref<SessionState>>;
/** The user's own JSON object, kept current in every tab and on every device; change it with `.value.set(patch)`.
 * @param {Client} client @returns {Readonly<Ref<PreferencesState>>} */
export declare const usePreferences: (client: Client) => Readonly<Ref<PreferencesState>>;
