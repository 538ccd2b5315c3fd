import type { ServerOptions, ServerSession } from "./server.js";
/** Who sent a request to Express, or to Node's own server: `const session = await getSession(req)`.
 * @param {{ headers: Record<string, string | string[] | undefined> }} req
 * @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export declare const getSession: (req: {
    headers: Record<string, string | string[] | undefined>;
}, options?: ServerOptions) => Promise<ServerSession>;
