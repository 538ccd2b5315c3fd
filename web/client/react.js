// @ts-check
/** @import { Client, Session } from "./types.js" */
/** @import { ReactNode } from "react" */
import { Fragment, createContext, createElement, useContext, useSyncExternalStore } from "react";

/**
 * @typedef {object} SessionState
 * @property {Session | undefined} data who is signed in, or that nobody is; undefined until that is known
 * @property {boolean} isPending nothing is known yet
 * @property {unknown} error why it could not be read; `data` keeps what was known before
 * @property {() => Promise<void>} refetch reads it again
 */

/** @typedef {{ subscribe: (notify: () => void) => () => void, get: () => SessionState }} Store */

const nothing = async () => {};
/** @type {SessionState} */
const pending = { data: undefined, isPending: true, error: undefined, refetch: nothing };

/** One store per client, however many providers show it. @type {WeakMap<Client, Store>} */
const stores = new WeakMap();

/** @param {Client} client @returns {Store} */
function storeOf(client) {
  let store = stores.get(client);
  if (!store) stores.set(client, store = createStore(client));
  return store;
}

/** @param {Client} client @returns {Store} */
function createStore(client) {
  /** @type {Set<() => void>} */
  const notified = new Set();
  let stop = () => {};
  let asked = 0;

  const refetch = async () => {
    const turn = ++asked;
    try {
      const data = await client.getSession({ touch: false });
      if (turn === asked) set({ data, error: undefined });
    } catch (error) {
      if (turn === asked) set({ data: state.data, error });
    }
  };

  /** @type {SessionState} */
  let state = { ...pending, refetch };

  /** @param {{ data: Session | undefined, error: unknown }} to */
  const set = ({ data, error }) => {
    state = { data, error, isPending: !data && !error, refetch };
    notified.forEach((f) => f());
  };

  return {
    get: () => state,
    subscribe(notify) {
      notified.add(notify);
      if (notified.size === 1) {
        stop = client.onAuthStateChange((_, data) => {
          asked++; // what is under way is older than this
          set({ data, error: undefined });
        });
        refetch(); // onAuthStateChange waits an outage out; the person should hear of it
      }
      return () => {
        if (notified.delete(notify) && !notified.size) stop();
      };
    },
  };
}

const Context = createContext(/** @type {Client | undefined} */ (undefined));

/** Gives the components below it the session of `client`. @param {{ client: Client, children?: ReactNode }} props */
export function BFFProvider({ client, children }) {
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest provider. @returns {Client} */
export function useClient() {
  const client = useContext(Context);
  if (!client) throw new Error("bff-client: there is no <BFFProvider> above this component");
  return client;
}

/** The session, kept current in every tab. @returns {SessionState} */
export function useSession() {
  const store = storeOf(useClient());
  return useSyncExternalStore(store.subscribe, store.get, () => pending);
}

/** Shows its children to somebody. @param {{ children?: ReactNode }} props */
export function SignedIn({ children }) {
  return useSession().data?.authenticated === true ? createElement(Fragment, null, children) : null;
}

/** Shows its children to nobody: once it is known that there is no session. @param {{ children?: ReactNode }} props */
export function SignedOut({ children }) {
  return useSession().data?.authenticated === false ? createElement(Fragment, null, children) : null;
}
