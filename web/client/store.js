// @ts-check
/** @import { Client, Preferences, Session } from "./types.js" */

/**
 * @typedef {object} SessionState
 * @property {Session | undefined} data who is signed in, or that nobody is; undefined until that is known
 * @property {boolean} isPending nothing is known yet
 * @property {unknown} error why it could not be read; `data` keeps what was known before
 * @property {() => Promise<void>} refetch reads it again
 */

/**
 * @typedef {object} PreferencesState
 * @property {Preferences | undefined} data the user's own JSON object; undefined until it is known
 * @property {boolean} isPending nothing is known yet
 * @property {unknown} error why they could not be read; `data` keeps what was known before
 * @property {Client["setPreferences"]} set merges a patch into them, see `setPreferences` of the client
 */

/** @template T @typedef {{ data: T | undefined, isPending: boolean, error: unknown }} State */

/**
 * What a component subscribes to.
 * @template S
 * @typedef {{ subscribe: (notify: () => void) => () => void, get: () => S }} Store
 */

const nothing = async () => {};

/** @type {SessionState} what is known on a server */
export const noSession = { data: undefined, isPending: true, error: undefined, refetch: nothing };

/** @param {Client} client @returns {PreferencesState} what is known on a server */
export const noPreferences = (client) =>
  ({ data: undefined, isPending: true, error: undefined, set: (patch) => client.setPreferences(patch) });

/**
 * A value that is read at the first subscription and followed until the last one ends.
 * @template T, S
 * @param {(changed: (data: T) => void) => () => void} follow
 * @param {() => Promise<T>} read
 * @param {(state: State<T>, refetch: () => Promise<void>) => S} shape
 * @returns {Store<S>}
 */
function createStore(follow, read, shape) {
  /** @type {Set<() => void>} */
  const notified = new Set();
  let stop = () => {};
  let asked = 0;
  /** @type {T | undefined} */
  let known;

  const refetch = async () => {
    const turn = ++asked;
    try {
      const data = await read();
      if (turn === asked) set(data, undefined);
    } catch (error) {
      if (turn === asked) set(known, error);
    }
  };

  let state = shape({ data: undefined, isPending: true, error: undefined }, refetch);

  /** @param {T | undefined} data @param {unknown} error */
  const set = (data, error) => {
    known = data;
    state = shape({ data, error, isPending: data === undefined && !error }, refetch);
    notified.forEach((f) => f());
  };

  return {
    get: () => state,
    subscribe(notify) {
      notified.add(notify);
      if (notified.size === 1) {
        stop = follow((data) => {
          asked++; // what is under way is older than this
          set(data, undefined);
        });
        refetch(); // following waits an outage out; the person should hear of it
      }
      return () => {
        if (notified.delete(notify) && !notified.size) stop();
      };
    },
  };
}

/** One of each per client, however many components show it. @type {WeakMap<Client, Store<SessionState>>} */
const sessions = new WeakMap();
/** @type {WeakMap<Client, Store<PreferencesState>>} */
const preferences = new WeakMap();

/** @param {Client} client @returns {Store<SessionState>} */
export function sessionOf(client) {
  let store = sessions.get(client);
  if (!store) {
    store = createStore(
      (/** @type {(s: Session) => void} */ changed) => client.onAuthStateChange((_, session) => changed(session)),
      () => client.getSession({ touch: false }),
      (state, refetch) => ({ ...state, refetch }));
    sessions.set(client, store);
  }
  return store;
}

/** @param {Client} client @returns {Store<PreferencesState>} */
export function preferencesOf(client) {
  let store = preferences.get(client);
  if (!store) {
    const { set } = noPreferences(client);
    store = createStore(
      (/** @type {(p: Preferences) => void} */ changed) => client.onPreferencesChange(changed),
      async () => {
        const { authenticated } = await client.getSession({ touch: false });
        return authenticated ? client.getPreferences() : {};
      },
      (state) => ({ ...state, set }));
    preferences.set(client, store);
  }
  return store;
}
