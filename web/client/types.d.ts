export type Connection = {
    id: string;
    provider: string;
    /**
     * the provider's name for people
     */
    title?: string;
    account: {
        subject: string;
        email?: string;
        name?: string;
    };
    status: "active" | "needs_reauth";
    /**
     * of `needs_reauth`
     */
    reason?: "revoked" | "expired" | "session_policy" | "rotated_away" | "unknown";
    /**
     * granted
     */
    scopes: string[];
    connected_at: string;
    used_at?: string;
};
export type Provider = {
    name: string;
    title: string;
    login_url: string;
    /**
     * when signed in
     */
    connect_url?: string;
};
export type User = {
    id: string;
    provider: string;
    subject: string;
    name?: string;
    email?: string;
    email_verified?: boolean;
    picture?: string;
};
export type SignedIn = {
    authenticated: true;
    user: User;
    session: {
        id: string;
        created_at: string;
        idle_expires_at: string;
        expires_at: string;
    };
    connections: Connection[];
    providers?: Provider[];
};
export type SignedOut = {
    authenticated: false;
    providers: Provider[];
};
export type Session = SignedIn | SignedOut;
export type Device = {
    id: string;
    /**
     * in words
     */
    device: string;
    created_at: string;
    last_seen_at: string;
    /**
     * this very session
     */
    current: boolean;
};
export type Problem = {
    code: string;
    status?: number;
    type?: string;
    title?: string;
    detail?: string;
    provider?: string;
    connection?: string;
    missing_scopes?: string[];
    /**
     * seconds
     */
    retry_after?: number;
    fix?: Fix;
};
export type Fix = {
    kind: "login" | "connect";
    url: string;
};
export type AuthEvent = "INITIAL_SESSION" | "SIGNED_IN" | "SIGNED_OUT" | "SESSION_EXPIRED" | "CONNECTION_CHANGED";
export type Listener = (event: AuthEvent, session: Session, reason?: string) => void;
export type Heard = (event: AuthEvent | false | undefined, session: Session, reason?: string) => void;
export type ClientOptions = {
    /**
     * where bff is; the page's own origin by default
     */
    baseURL?: string;
    /**
     * what `fetch` does about an error that a person can mend; it throws by default
     */
    onFix?: "popup" | "redirect";
};
export type Where = {
    provider: string;
    /**
     * a path of bff's origin; where the person is by default
     */
    returnTo?: string;
    /**
     * beyond the provider's own
     */
    scopes?: string[];
    /**
     * stay on the page; a blocked popup becomes a redirect
     */
    popup?: boolean;
    /**
     * of `login`
     */
    loginHint?: string;
    /**
     * of `login`
     */
    prompt?: string;
    /**
     * of `connect`: the one to repair
     */
    connection?: string;
};
export type Client = {
    /**
     * Who is signed in, or that nobody is. Throws when bff cannot know. With
     * `touch: false` the session's idle time does not slide.
     */
    getSession: (options?: {
        touch?: boolean;
    }) => Promise<Session>;
    /**
     * Signs in. Leaves the page, unless `popup`.
     */
    login: (where: Where) => Promise<void>;
    /**
     * Links an account, adds `scopes`, or repairs `connection`. Leaves the page, unless `popup`.
     */
    connect: (where: Where) => Promise<void>;
    /**
     * Unlinks an account, and withdraws the grant at its provider.
     */
    disconnect: (id: string) => Promise<void>;
    listConnections: () => Promise<Connection[]>;
    /**
     * Ends this session; `everywhere`, all of the user's.
     * `logout_url`, where there is one, ends the provider's own session.
     */
    logout: (options?: {
        everywhere?: boolean;
    }) => Promise<{
        logout_url: string | null;
    }>;
    listSessions: () => Promise<Device[]>;
    /**
     * Ends one of the user's sessions; without an id, all others.
     */
    revokeSession: (id?: string) => Promise<void>;
    /**
     * Calls the listener with INITIAL_SESSION, then at every change, the same in every
     * tab. Returns the way to stop.
     */
    onAuthStateChange: (listener: Listener) => () => void;
    /**
     * A drop-in fetch. It throws what a person can mend:
     * LoginRequiredError, ConsentRequiredError, ReconnectRequiredError, each with its `fix`; with `onFix` it has it mended and repeats the call once. For
     * other origins than bff's it is the plain one.
     */
    fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
};
/**
 * The shapes that bff answers with. Nothing here runs, and `client.js` does not load it.
 *
 * @typedef {object} Connection One account at one provider, linked to the session.
 * @property {string} id
 * @property {string} provider
 * @property {string} [title] the provider's name for people
 * @property {{ subject: string, email?: string, name?: string }} account
 * @property {"active" | "needs_reauth"} status
 * @property {"revoked" | "expired" | "session_policy" | "rotated_away" | "unknown"} [reason] of `needs_reauth`
 * @property {string[]} scopes granted
 * @property {string} connected_at
 * @property {string} [used_at]
 *
 * @typedef {object} Provider
 * @property {string} name
 * @property {string} title
 * @property {string} login_url
 * @property {string} [connect_url] when signed in
 *
 * @typedef {object} User
 * @property {string} id
 * @property {string} provider
 * @property {string} subject
 * @property {string} [name]
 * @property {string} [email]
 * @property {boolean} [email_verified]
 * @property {string} [picture]
 *
 * @typedef {object} SignedIn
 * @property {true} authenticated
 * @property {User} user
 * @property {{ id: string, created_at: string, idle_expires_at: string, expires_at: string }} session
 * @property {Connection[]} connections
 * @property {Provider[]} [providers]
 *
 * @typedef {object} SignedOut
 * @property {false} authenticated
 * @property {Provider[]} providers
 *
 * @typedef {SignedIn | SignedOut} Session
 *
 * @typedef {object} Device One of the user's sessions.
 * @property {string} id
 * @property {string} device in words
 * @property {string} created_at
 * @property {string} last_seen_at
 * @property {boolean} current this very session
 *
 * @typedef {object} Problem A refusal (RFC 9457).
 * @property {string} code
 * @property {number} [status]
 * @property {string} [type]
 * @property {string} [title]
 * @property {string} [detail]
 * @property {string} [provider]
 * @property {string} [connection]
 * @property {string[]} [missing_scopes]
 * @property {number} [retry_after] seconds
 * @property {Fix} [fix]
 *
 * @typedef {object} Fix Where a person mends it.
 * @property {"login" | "connect"} kind
 * @property {string} url
 *
 * @typedef {"INITIAL_SESSION" | "SIGNED_IN" | "SIGNED_OUT" | "SESSION_EXPIRED" | "CONNECTION_CHANGED"} AuthEvent
 *
 * @typedef {(event: AuthEvent, session: Session, reason?: string) => void} Listener `reason` is the server's word for an end:
 *   `logout`, `ended_elsewhere`, `provider`, `expired`, `erased`.
 *
 * @typedef {(event: AuthEvent | false | undefined, session: Session, reason?: string) => void} Heard
 *
 * @typedef {object} ClientOptions
 * @property {string} [baseURL] where bff is; the page's own origin by default
 * @property {"popup" | "redirect"} [onFix] what `fetch` does about an error that a person can mend; it throws by default
 *
 * @typedef {object} Where
 * @property {string} provider
 * @property {string} [returnTo] a path of bff's origin; where the person is by default
 * @property {string[]} [scopes] beyond the provider's own
 * @property {boolean} [popup] stay on the page; a blocked popup becomes a redirect
 * @property {string} [loginHint] of `login`
 * @property {string} [prompt] of `login`
 * @property {string} [connection] of `connect`: the one to repair
 *
 * @typedef {object} Client
 * @property {(options?: { touch?: boolean }) => Promise<Session>} getSession Who is signed in, or that nobody is. Throws when bff cannot know. With
 *   `touch: false` the session's idle time does not slide.
 * @property {(where: Where) => Promise<void>} login Signs in. Leaves the page, unless `popup`.
 * @property {(where: Where) => Promise<void>} connect Links an account, adds `scopes`, or repairs `connection`. Leaves the page, unless `popup`.
 * @property {(id: string) => Promise<void>} disconnect Unlinks an account, and withdraws the grant at its provider.
 * @property {() => Promise<Connection[]>} listConnections
 * @property {(options?: { everywhere?: boolean }) => Promise<{ logout_url: string | null }>} logout Ends this session; `everywhere`, all of the user's.
 *   `logout_url`, where there is one, ends the provider's own session.
 * @property {() => Promise<Device[]>} listSessions
 * @property {(id?: string) => Promise<void>} revokeSession Ends one of the user's sessions; without an id, all others.
 * @property {(listener: Listener) => () => void} onAuthStateChange Calls the listener with INITIAL_SESSION, then at every change, the same in every
 *   tab. Returns the way to stop.
 * @property {(input: RequestInfo | URL, init?: RequestInit) => Promise<Response>} fetch A drop-in fetch. It throws what a person can mend:
 *   LoginRequiredError, ConsentRequiredError, ReconnectRequiredError, each with its `fix`; with `onFix` it has it mended and repeats the call once. For
 *   other origins than bff's it is the plain one.
 */
export {};
