// @ts-check
/** @import { ServerOptions, ServerSession } from "./server.js" */
import { getSession as ofRequest } from "./server.js";

/** Who sent a request to SvelteKit, in hooks, `load` and actions: `const session = await getSession(event)`.
 * @param {{ request: Request }} event @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export const getSession = ({ request }, options) => ofRequest(request, options);
