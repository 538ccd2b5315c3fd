// Calls the mounts of one bff with clients nobody here wrote. argv: which client, the origin, the cookie. Prints what they brought as JSON.
import { Readable } from "node:stream";
import { calendar } from "@googleapis/calendar";
import { drive } from "@googleapis/drive";
import { gmail } from "@googleapis/gmail";
import { Octokit } from "@octokit/rest";
import { Client, PageIterator } from "@microsoft/microsoft-graph-client";

const [which, origin, cookie] = process.argv.slice(2);
const credentials = { Cookie: cookie, "X-CSRF": "1" };
const plainFetch = globalThis.fetch;

/** fetch as a program would that was given the cookie: the client's own dummy Authorization stays. */
const withCookie = (input, init) => {
  const request = new Request(input, init);
  for (const [name, value] of Object.entries(credentials)) request.headers.set(name, value);
  return plainFetch(request);
};

const runs = {
  async googleapis() {
    const rootUrl = origin + "/api/google/";
    const at = { rootUrl, headers: { ...credentials, Authorization: "Bearer a-dummy-of-the-client" } };
    const d = drive("v3"), c = calendar("v3"), g = gmail("v1");
    const names = [];
    let pageToken;
    do {
      const page = await d.files.list({ pageSize: 2, pageToken }, at);
      names.push(...page.data.files.map((f) => f.name));
      pageToken = page.data.nextPageToken;
    } while (pageToken);
    const media = await d.files.get({ fileId: "f1", alt: "media" }, { ...at, responseType: "text" });
    const made = await d.files.create({
      requestBody: { name: "up.txt" }, media: { mimeType: "text/plain", body: Readable.from(["a multipart ", "upload"]) },
    }, at);
    const events = await c.events.list({ calendarId: "ada@example.com" }, at);
    const mail = await g.users.messages.list({ userId: "me" }, at);
    const denied = await d.files.delete({ fileId: "f1" }, at).then(() => "carried", (e) => e.response?.headers.get?.("bff-error") ?? e.response?.headers["bff-error"]);
    return { names, media: media.data, made: made.data.size, events: events.data.items.length, mail: mail.data.messages.length, denied };
  },
  async octokit() {
    const kit = new Octokit({ auth: "a-dummy-of-the-client", baseUrl: origin + "/api/github", request: { fetch: withCookie } });
    const issues = await kit.paginate(kit.rest.issues.listForRepo, { owner: "o", repo: "r", per_page: 2 });
    return { issues: issues.map((i) => i.number) };
  },
  async graph() {
    globalThis.fetch = withCookie;
    const client = Client.init({
      baseUrl: origin + "/api/graph/", defaultVersion: "v1.0", authProvider: (done) => done(null, "a-dummy-of-the-client"),
      customHosts: new Set([new URL(origin).hostname]),
    });
    const subjects = [];
    const first = await client.api("/me/messages").top(2).get();
    await new PageIterator(client, first, (m) => subjects.push(m.subject)).iterate();
    return { subjects, next: first["@odata.nextLink"] };
  },
};

console.log(JSON.stringify(await runs[which]()));
