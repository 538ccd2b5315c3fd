import { getSession } from "bff-client/next";
export default async function Inbox() {
  const session = await getSession();
  return <p id="who">{session.authenticated ? `Hello ${session.user.name}` : "Nobody is signed in."}</p>;
}
