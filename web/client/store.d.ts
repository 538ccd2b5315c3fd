/** @import { Client, Preferences, Session } from "./types.js" */
import type { Client, Preferences, Session } from "./types.js";
export type SessionState = {
    /**
     * who is signed in, or that nobody is; undefined until that is known
     */
    data: Session | undefined;
    /**
     * nothing is known yet
     */
    isPending: boolean;
    /**
     * why it could not be read; `data` keeps what was known before
     */
    error: unknown;
    /**
     * reads it again
     */
    refetch: () => Promise<void>;
};
export type PreferencesState = {
    /**
     * the user's own JSON object; undefined until it is known
     */
    data: Preferences | undefined;
    /**
     * nothing is known yet
     */
    isPending: boolean;
    /**
     * why they could not be read; `data` keeps what was known before
     */
    error: unknown;
    /**
     * merges a patch into them, see `setPreferences` of the client
     */
    set: Client["setPreferences"];
};
export type State<T> = {
    data: T | undefined;
    isPending: boolean;
    error: unknown;
};
export type Store<S> = {
    subscribe: (notify: () => void) => () => void;
    get: () => S;
};
/** @type {SessionState} what is known on a server */
export declare const noSession: SessionState;
/** @param {Client} client @returns {PreferencesState} what is known on a server */
export declare const noPreferences: (client: Client) => PreferencesState;
/** @param {Client} client @returns {Store<SessionState>} */
export declare function sessionOf(client: Client): Store<SessionState>;
/** @param {Client} client @returns {Store<PreferencesState>} */
export declare function preferencesOf(client: Client): Store<PreferencesState>;
