"use client";
// @ts-check
/** @import { Client } from "./types.js" */
/** @import { Context, ReactElement, ReactNode } from "react" */
import * as React from "react";
import { noPreferences, noSession, preferencesOf, sessionOf } from "./store.js";

/** @typedef {import("./store.js").SessionState} SessionState */
/** @typedef {import("./store.js").PreferencesState} PreferencesState */

/** React for server components has no contexts: there this module can be imported, and its components are rendered by
 * the client. @type {Context<Client | undefined>} */
const ClientContext = React.createContext?.(/** @type {Client | undefined} */ (undefined));

/** Gives the components below it the session of `client`.
 * @param {{ client: Client, children?: ReactNode }} props @returns {ReactElement} */
export function BFFProvider({ client, children }) {
  return React.createElement(ClientContext.Provider, { value: client }, children);
}

/** The client of the nearest provider. @returns {Client} */
export function useClient() {
  if (!ClientContext) throw new Error('bff-client: hooks need a client component: put "use client" into its file');
  const client = React.useContext(ClientContext);
  if (!client) throw new Error("bff-client: there is no <BFFProvider> above this component");
  return client;
}

/** The session, kept current in every tab. @returns {SessionState} */
export function useSession() {
  const store = sessionOf(useClient());
  return React.useSyncExternalStore(store.subscribe, store.get, () => noSession);
}

/** The user's own JSON object, kept current in every tab and on every device. @returns {PreferencesState} */
export function usePreferences() {
  const client = useClient(), store = preferencesOf(client);
  const pending = React.useMemo(() => noPreferences(client), [client]);
  return React.useSyncExternalStore(store.subscribe, store.get, () => pending);
}

/** Shows its children to somebody. @param {{ children?: ReactNode }} props @returns {ReactElement | null} */
export function SignedIn({ children }) {
  return useSession().data?.authenticated === true ? React.createElement(React.Fragment, null, children) : null;
}

/** Shows its children to nobody: once it is known that there is no session.
 * @param {{ children?: ReactNode }} props @returns {ReactElement | null} */
export function SignedOut({ children }) {
  return useSession().data?.authenticated === false ? React.createElement(React.Fragment, null, children) : null;
}
