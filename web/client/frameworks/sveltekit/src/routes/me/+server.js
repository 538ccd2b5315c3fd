import { getSession } from "bff-client/sveltekit";

export const GET = async (event) => Response.json(await getSession(event));
