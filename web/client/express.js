// @ts-check
/** @import { ServerOptions, ServerSession } from "./server.js" */
import { getSession as ofRequest } from "./server.js";

/** Who sent a request to Express, or to Node's own server: `const session = await getSession(req)`.
 * @param {{ headers: Record<string, string | string[] | undefined> }} req
 * @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export const getSession = (req, options) => ofRequest(req, options);
