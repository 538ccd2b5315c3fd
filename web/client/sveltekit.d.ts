import type { ServerOptions, ServerSession } from "./server.js";
/** Who sent a request to SvelteKit, in hooks, `load` and actions: `const session = await getSession(event)`.
 * @param {{ request: Request }} event @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export declare const getSession: ({ request }: {
    request: Request;
}, options?: ServerOptions) => Promise<ServerSession>;
