import { getSession } from "bff-client/sveltekit";

export const load = async (event) => ({ session: await getSession(event) });
