/**
 * Who sent a request, for servers that stand beside bff or behind it.
 *
 * Beside (a front proxy sends /bff to bff and the rest here): the request has bff's cookie, and bff is asked.
 * Behind (an `apis` entry with `identity`): bff took the cookie away and put an assertion in its place, a JWT that is
 * verified here.
 *
 * @typedef {object} ServerUser
 * @property {string} id
 * @property {string} [provider]
 * @property {string} [name]
 * @property {string} [email]
 * @property {boolean} [email_verified]
 * @property {string[]} rights
 * @property {string} [app_id]
 *
 * @typedef {{ authenticated: true, user: ServerUser, session: { id: string } }
 *   | { authenticated: false, user?: undefined, session?: undefined }} ServerSession
 *
 * @typedef {object} ServerOptions
 * @property {string} [url] where this server reaches bff: `BFF_URL` by default, else http://127.0.0.1:8080
 * @property {string | string[]} [origin] how browsers reach it, when that is another address, or the origins of all
 *   fronts whose assertions count: `BFF_ORIGIN` by default, with commas between
 * @property {string} [audience] the `identity` of this server in bff.yaml: `BFF_AUDIENCE` by default. Without it no
 *   assertion is accepted
 *
 * @typedef {{ get: (name: string) => string | null }} HeadersLike
 * @typedef {{ headers: HeadersLike | Record<string, string | string[] | undefined> }} RequestLike a Request of the web,
 *   of Node, or of Express
 */
export type ServerUser = {
    id: string;
    provider?: string;
    name?: string;
    email?: string;
    email_verified?: boolean;
    rights: string[];
    app_id?: string;
};
export type ServerSession = {
    authenticated: true;
    user: ServerUser;
    session: {
        id: string;
    };
} | {
    authenticated: false;
    user?: undefined;
    session?: undefined;
};
export type ServerOptions = {
    /**
     * where this server reaches bff: `BFF_URL` by default, else http://127.0.0.1:8080
     */
    url?: string;
    /**
     * how browsers reach it, when that is another address, or the origins of all
     * fronts whose assertions count: `BFF_ORIGIN` by default, with commas between
     */
    origin?: string | string[];
    /**
     * the `identity` of this server in bff.yaml: `BFF_AUDIENCE` by default. Without it no
     * assertion is accepted
     */
    audience?: string;
};
export type HeadersLike = {
    get: (name: string) => string | null;
};
export type RequestLike = {
    headers: HeadersLike | Record<string, string | string[] | undefined>;
};
/** Who sent the request. It throws when bff cannot be asked: an outage is not "nobody".
 * @param {RequestLike} request @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export declare function getSession({ headers }: RequestLike, options?: ServerOptions): Promise<ServerSession>;
export type Key = JsonWebKey & {
    kid?: string;
};
export type KeySet = {
    keys: Key[];
    at: number;
};
