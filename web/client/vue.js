// @ts-check
/** @import { Client } from "./types.js" */
/** @import { PreferencesState, SessionState, Store } from "./store.js" */
/** @import { Ref } from "vue" */
import { getCurrentScope, onScopeDispose, shallowRef } from "vue";
import { preferencesOf, sessionOf } from "./store.js";

/** @template S @param {Store<S>} store @returns {Readonly<Ref<S>>} */
function refOf(store) {
  const ref = shallowRef(store.get());
  // On a server nobody is asked: the session belongs to the browser.
  if (typeof document === "undefined") return ref;
  const stop = store.subscribe(() => ref.value = store.get());
  if (getCurrentScope()) onScopeDispose(stop);
  return ref;
}

/** The session, kept current in every tab until the component is gone.
 * @param {Client} client @returns {Readonly<Ref<SessionState>>} */
export const useSession = (client) => refOf(sessionOf(client));

/** The user's own JSON object, kept current in every tab and on every device; change it with `.value.set(patch)`.
 * @param {Client} client @returns {Readonly<Ref<PreferencesState>>} */
export const usePreferences = (client) => refOf(preferencesOf(client));
