// @ts-check
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
 * @property {boolean} sign_in this account can be signed in with
 * @property {string} [expires_at] when the grant ends, where that is known
 * @property {Record<string, string>} [values] kept with the account: a shop, a tenant
 *
 * @typedef {object} Provider
 * @property {string} name
 * @property {string} title
 * @property {string} [login_url] none where its accounts are linked only
 * @property {string} [connect_url] when signed in
 * @property {"api_key" | "basic"} [auth] what is typed at `connect_url`
 * @property {boolean} [provided] called with access of the application's own: no account is linked
 * @property {Form} [form] what a person must type before the account can be linked
 *
 * @typedef {object} Form
 * @property {string[]} fields `["api_key"]`, `["username", "password"]`, or none
 * @property {{ name: string, ask: string, pattern?: string, default?: string }[]} [variables]
 *
 * @typedef {object} User
 * @property {string} id
 * @property {string} provider
 * @property {string} subject
 * @property {string} [name]
 * @property {string} [email]
 * @property {boolean} email_verified
 * @property {string} [picture]
 * @property {string[]} rights what this person may do, in the operator's own names
 * @property {string} [app_id] the application's own id of this person
 * @property {string} [created_at] the first sign-in
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
 * @property {string} [front] the origin where it is, where bff answers for several
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
 * @property {string[]} [missing_rights] of `not_permitted`
 * @property {number} [retry_after] seconds
 * @property {Fix} [fix]
 * @property {any} [upstream] what an API said of missing scopes, where that is JSON
 * @property {string} [request_id] the same as `BFF-Request-Id`
 *
 * @typedef {object} Fix Where a person can put it right.
 * @property {"login" | "connect"} kind
 * @property {string} url
 *
 * @typedef {{ [name: string]: any }} Preferences The user's own JSON object; `{}` while nobody is signed in.
 *
 * @typedef {"INITIAL_SESSION" | "SIGNED_IN" | "SIGNED_OUT" | "SESSION_EXPIRED" | "CONNECTION_CHANGED" | "USER_CHANGED"
 *   } AuthEvent
 *
 * @typedef {(event: AuthEvent, session: Session, reason?: string) => void} Listener `reason` is the server's word for
 *   an end: `logout`, `ended_elsewhere`, `provider`, `expired`, `erased`.
 *
 * @typedef {(event: AuthEvent | false | undefined, session: Session, reason?: string) => void} Notify
 *
 * @typedef {object} ClientOptions
 * @property {string} [baseURL] where bff is; the page's own origin by default
 * @property {"popup" | "redirect"} [onFix] what `fetch` does about an error that a person can put right; by default it
 *   throws
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
 * @property {(options?: { touch?: boolean }) => Promise<Session>} getSession Who is signed in, or that nobody is.
 *   Throws when bff cannot know. With `touch: false` the session's idle time does not slide.
 * @property {(where: Where) => Promise<void>} login Signs in. Leaves the page, unless `popup`.
 * @property {(where: Where) => Promise<void>} connect Links an account, adds `scopes`, or repairs `connection`. Leaves
 *   the page, unless `popup`.
 * @property {(id: string) => Promise<void>} disconnect Unlinks an account, and withdraws the grant at its provider.
 * @property {() => Promise<Connection[]>} listConnections
 * @property {(options?: { everywhere?: boolean }) => Promise<{ logout_url: string | null }>} logout Ends this session;
 *   `everywhere`, all of the user's. `logout_url`, where there is one, ends the provider's own session.
 * @property {() => Promise<Device[]>} listSessions
 * @property {(id?: string) => Promise<void>} revokeSession Ends one of the user's sessions; without an id, all others.
 * @property {() => Promise<Preferences>} getPreferences The user's own JSON object, kept across devices.
 * @property {(patch: Preferences | ((now: Preferences) => Preferences)) => Promise<Preferences>} setPreferences
 *   Merges a patch into it (RFC 7396: null removes a name) and returns what is stored now. A function gets the present
 *   ones and returns the patch; it is called again when another device was faster, so that no change is lost.
 * @property {(listener: (preferences: Preferences) => void) => () => void} onPreferencesChange Calls the listener with
 *   the preferences as they are, then at every change, in whichever tab and on whichever device. Returns the way to
 *   stop.
 * @property {(listener: Listener) => () => void} onAuthStateChange Calls the listener with INITIAL_SESSION, then at
 *   every change, the same in every tab. Returns the way to stop.
 * @property {(input: RequestInfo | URL, init?: RequestInit) => Promise<Response>} fetch A drop-in fetch. It throws what
 *   a person can put right: LoginRequiredError, ConsentRequiredError, ReconnectRequiredError, each with its `fix`; with
 *   `onFix` it asks the person and repeats the call once. For other origins than bff's it is the plain one.
 */
export {};
