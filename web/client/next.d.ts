import type { ServerOptions, ServerSession } from "./server.js";
/** Who sent the request that Next.js is answering, in server components, route handlers and actions:
 * `const session = await getSession()`. A page that calls it is rendered per request.
 * @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export declare const getSession: (options?: ServerOptions) => Promise<ServerSession>;
