import { getSession } from "bff-client/next";
export async function GET() { return Response.json(await getSession()); }
