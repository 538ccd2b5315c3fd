import type { Client } from "./types.js";
import type { ReactElement, ReactNode } from "react";
export type SessionState = import("./store.js").SessionState;
export type PreferencesState = import("./store.js").PreferencesState;
/** Gives the components below it the session of `client`.
 * @param {{ client: Client, children?: ReactNode }} props @returns {ReactElement} */
export declare function BFFProvider({ client, children }: {
    client: Client;
    children?: ReactNode;
}): ReactElement;
/** The client of the nearest provider. @returns {Client} */
export declare function useClient(): Client;
/** The session, kept current in every tab. @returns {SessionState} */
export declare function useSession(): SessionState;
/** The user's own JSON object, kept current in every tab and on every device. @returns {PreferencesState} */
export declare function usePreferences(): PreferencesState;
/** Shows its children to somebody. @param {{ children?: ReactNode }} props @returns {ReactElement | null} */
export declare function SignedIn({ children }: {
    children?: ReactNode;
}): ReactElement | null;
/** Shows its children to nobody: once it is known that there is no session.
 * @param {{ children?: ReactNode }} props @returns {ReactElement | null} */
export declare function SignedOut({ children }: {
    children?: ReactNode;
}): ReactElement | null;
