// Who sent a request: behind real Express and Node servers, with a cookie (bff is asked) and with an assertion.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { register } from "node:module";
import { after, before, beforeEach, test } from "node:test";
import express from "express";
import { getSession as ofExpress } from "../express.js";
import { getSession } from "../server.js";
import { getSession as ofSvelteKit } from "../sveltekit.js";

const asURL = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A key of bff's, and what signs with it. */
async function key(alg, kid) {
  const how = alg === "EdDSA" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(how, true, ["sign", "verify"]);
  const sign = async (claims, header = { alg, kid, typ: "at+jwt" }) => {
    const text = asURL(header) + "." + asURL(claims);
    const mark = await crypto.subtle.sign(how, privateKey, new TextEncoder().encode(text));
    return text + "." + Buffer.from(mark).toString("base64url");
  };
  return { jwk: { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid, alg, use: "sig" }, sign };
}

const listen = async (handler) => {
  const server = createServer(handler);
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const close = () => (server.closeAllConnections(), server.close());
  return { url: "http://127.0.0.1:" + server.address().port, close };
};

const ada = { id: "u_1", provider: "demo", name: "Ada", email: "ada@example.com", email_verified: true };
let bff, app, keys, asked, down, ed, es;

before(async () => {
  [ed, es] = [await key("EdDSA", "k1"), await key("ES256", "k2")];
  bff = await listen((q, r) => {
    asked.push(q.method + " " + q.url);
    const json = (body) => r.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    if (down) return r.writeHead(503, { "BFF-Error": "store_unavailable" }).end("{}");
    if (q.url === "/bff/jwks.json") return json({ keys: keys.map((k) => k.jwk) });
    assert.equal(q.headers["x-csrf"], "1");
    if (q.headers.cookie !== "other=1; bff=good") return json({ authenticated: false, providers: [] });
    const user = { ...ada, rights: ["admin"], picture: "https://x" };
    json({ authenticated: true, user, session: { id: "s_1" }, connections: [] });
  });
  const options = { url: bff.url, audience: "app" };
  const site = express();
  site.get("/me", async (req, res) => res.json(await ofExpress(req, options)));
  site.use((error, _q, res, _n) => res.status(503).send(error.message));
  app = await listen(site);
});
beforeEach(() => ([asked, down, keys] = [[], false, [ed, es]]));
after(() => [bff, app].forEach((s) => s.close()));

const signedIn = { authenticated: true, user: { ...ada, rights: ["admin"] }, session: { id: "s_1" } };
const plain = (value) => JSON.parse(JSON.stringify(value)); // without what is undefined
const nobody = { authenticated: false };
const me = async (headers) => (await fetch(app.url + "/me", { headers })).json();
const claims = (more) => {
  const now = Math.floor(Date.now() / 1000);
  const { id: sub, ...profile } = ada;
  return { iss: bff.url, aud: "app", sub, sid: "s_1", iat: now, exp: now + 60, rights: ["admin"], ...profile, ...more };
};

test("a cookie: bff is asked, without sliding the session", async () => {
  assert.deepEqual(await me({ cookie: "other=1; bff=good" }), signedIn);
  assert.deepEqual(asked, ["GET /bff/session?touch=false"]);
  assert.deepEqual(await me({ cookie: "bff=bad" }), nobody);
});

test("no cookie and no assertion: nobody, and bff is not asked", async () => {
  assert.deepEqual(await me({}), nobody);
  assert.deepEqual(asked, []);
});

test("an outage is not nobody", async () => {
  down = true;
  assert.equal((await fetch(app.url + "/me", { headers: { cookie: "bff=good" } })).status, 503);
});

test("SvelteKit's event and a Request of the web", async () => {
  const request = new Request("http://app.example/", { headers: { cookie: "other=1; bff=good" } });
  assert.deepEqual(plain(await ofSvelteKit({ request }, { url: bff.url })), signedIn);
  assert.deepEqual(plain(await getSession(request, { url: bff.url })), signedIn);
});

test("BFF_URL and BFF_AUDIENCE stand for the options", async () => {
  Object.assign(process.env, { BFF_URL: bff.url, BFF_AUDIENCE: "app" });
  const authorization = "Bearer " + (await ed.sign(claims()));
  const [assertion, cookie] = [{ authorization }, { cookie: "other=1; bff=good" }];
  const got = await Promise.all([assertion, cookie].map((headers) => getSession({ headers })));
  (delete process.env.BFF_URL, delete process.env.BFF_AUDIENCE);
  assert.deepEqual(plain(got), [signedIn, signedIn]);
});

test("an assertion is verified by the keys of bff, which are read once", async () => {
  for (const k of [ed, es, ed]) {
    assert.deepEqual(await me({ authorization: "Bearer " + (await k.sign(claims())) }), signedIn);
  }
  assert.ok(asked.length <= 1, asked.join());
});

test("without an audience no assertion counts", async () => {
  const headers = { authorization: "Bearer " + (await ed.sign(claims())) };
  assert.deepEqual(await getSession({ headers }, { url: bff.url }), nobody);
});

test("each front that is listed is an issuer, and no other", async () => {
  const shop = "https://shop.example.org", of = async (/** @type {string} */ iss) =>
    ({ authorization: "Bearer " + (await ed.sign(claims({ iss }))) });
  const options = { url: bff.url, audience: "app", origin: [claims().iss, shop] };
  for (const iss of options.origin) {
    assert.deepEqual(plain(await getSession({ headers: await of(iss) }, options)), signedIn, iss);
  }
  for (const iss of ["https://help.example.net", shop + ".evil.example", options.origin.join(",")]) {
    assert.deepEqual(await getSession({ headers: await of(iss) }, options), nobody, iss);
  }
  process.env.BFF_ORIGIN = options.origin.join(",");
  const { origin, ...unnamed } = options;
  assert.deepEqual(plain(await getSession({ headers: await of(shop) }, unnamed)), signedIn);
  delete process.env.BFF_ORIGIN;
});

const now = Math.floor(Date.now() / 1000);
for (const [what, make] of [
  ["for another audience", () => ed.sign(claims({ aud: "other" }))],
  ["of another issuer", () => ed.sign(claims({ iss: "https://evil.example" }))],
  ["that ran out", () => ed.sign(claims({ exp: now - 60 }))],
  ["that never runs out", () => ed.sign(claims({ exp: undefined }))],
  ["from the future", () => ed.sign(claims({ iat: now + 3600, exp: now + 3660 }))],
  ["without a subject", () => ed.sign(claims({ sub: undefined }))],
  ["without a session", () => ed.sign(claims({ sid: undefined }))],
  ["that is an ID token", () => ed.sign(claims(), { alg: "EdDSA", kid: "k1", typ: "JWT" })],
  ["with a critical header", () => ed.sign(claims(), { alg: "EdDSA", kid: "k1", typ: "at+jwt", crit: ["x"] })],
  ["whose key is unknown", async () => (await key("EdDSA", "k9")).sign(claims())],
  ["signed by another key of the same name", async () => (await key("EdDSA", "k1")).sign(claims())],
  ["that says none", async () => asURL({ alg: "none", kid: "k1", typ: "at+jwt" }) + "." + asURL(claims()) + "."],
  ["that names the other algorithm", () => ed.sign(claims(), { alg: "ES256", kid: "k1", typ: "at+jwt" })],
  ["named constructor", () => ed.sign(claims(), { alg: "constructor", kid: "k1", typ: "at+jwt" })],
  [
    "whose claims were changed",
    async () => {
      const [h, , s] = (await ed.sign(claims())).split(".");
      return [h, asURL(claims({ sub: "u_2" })), s].join(".");
    },
  ],
  ["with a fourth part", async () => (await ed.sign(claims())) + ".x"],
  ["that is not one", () => "opaque"],
  ["of null", () => "bnVsbA.bnVsbA.bnVsbA"],
]) {
  test(`an assertion ${what} is nobody's`, async () => {
    assert.deepEqual(await me({ authorization: "Bearer " + (await make()) }), nobody);
  });
}

test("Next.js: the request that is being answered is asked about, whichever it is", async () => {
  const headers = "data:text/javascript," + encodeURIComponent("export const headers = async () => globalThis.asked;");
  const hook = `export const resolve = (name, context, next) =>
    name === "next/headers.js" ? { url: ${JSON.stringify(headers)}, shortCircuit: true } : next(name, context);`;
  register("data:text/javascript," + encodeURIComponent(hook));
  const { getSession: ofNext } = await import("../next.js");
  const ask = async (init) => ((globalThis.asked = new Headers(init)), plain(await ofNext({ url: bff.url, audience: "app" })));
  assert.deepEqual(await ask({ cookie: "other=1; bff=good" }), signedIn);
  assert.deepEqual(await ask({ cookie: "bff=bad" }), nobody);
  assert.deepEqual(await ask({ authorization: "Bearer " + (await ed.sign(claims())) }), signedIn);
  assert.deepEqual(await ask({}), nobody);
});
