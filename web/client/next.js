// @ts-check
/** @import { ServerOptions, ServerSession } from "./server.js" */
import { headers } from "next/headers.js";
import { getSession as ofRequest } from "./server.js";

/** Who sent the request that Next.js is answering, in server components, route handlers and actions:
 * `const session = await getSession()`. A page that calls it is rendered per request.
 * @param {ServerOptions} [options] @returns {Promise<ServerSession>} */
export const getSession = async (options) => ofRequest({ headers: await headers() }, options);
