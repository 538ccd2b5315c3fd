import type { Client, Session } from "./types.js";
import type { ReactNode } from "react";
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
export type Store = {
    subscribe: (notify: () => void) => () => void;
    get: () => SessionState;
};
/** Gives the components below it the session of `client`. @param {{ client: Client, children?: ReactNode }} props */
export declare function BFFProvider({ client, children }: {
    client: Client;
    children?: ReactNode;
}): import("react").FunctionComponentElement<import("react").ProviderProps<Client | undefined>>;
/** The client of the nearest provider. @returns {Client} */
export declare function useClient(): Client;
/** The session, kept current in every tab. @returns {SessionState} */
export declare function useSession(): SessionState;
/** Shows its children to somebody. @param {{ children?: ReactNode }} props */
export declare function SignedIn({ children }: {
    children?: ReactNode;
}): import("react").FunctionComponentElement<import("react").FragmentProps> | null;
/** Shows its children to nobody: once it is known that there is no session. @param {{ children?: ReactNode }} props */
export declare function SignedOut({ children }: {
    children?: ReactNode;
}): import("react").FunctionComponentElement<import("react").FragmentProps> | null;
