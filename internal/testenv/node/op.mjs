// A certified OpenID Provider for tests: oidc-provider with rotating refresh tokens, reuse detection, an interaction that signs in
// without forms, and a control endpoint with which a test makes it misbehave. Configuration: one JSON object in the first argument.
// When it listens it prints {"issuer": …}; it ends when its standard input closes.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { Store } from './store.mjs';
import { Control } from './control.mjs';

const options = JSON.parse(process.argv[2] ?? '{}');
const server = createServer();
await new Promise((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
const issuer = `http://localhost:${server.address().port}`;

const registration = {
  client_id: options.client_id,
  client_secret: options.client_secret,
  token_endpoint_auth_method: options.auth_method ?? 'client_secret_basic',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: [`${issuer}/nobody`],
  require_pushed_authorization_requests: options.require_par ?? false,
};
await new Store('Client').upsert(registration.client_id, registration);

// ES256 unless RS256 is asked for: a relying party that takes RS256 alone is found out.
const alg = options.alg ?? 'RS256';
const params = alg === 'RS256' ? { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
  : { name: 'ECDSA', namedCurve: 'P-256' };
const { privateKey } = await crypto.subtle.generateKey(params, true, ['sign', 'verify']);
const key = await crypto.subtle.exportKey('jwk', privateKey);
registration.id_token_signed_response_alg = alg;

const control = new Control(server, registration, options.access_token_seconds ?? 3600);

const provider = new Provider(issuer, {
  adapter: Store,
  jwks: { keys: [{ ...key, use: 'sig', alg, kid: 'k1', key_ops: undefined }] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
  cookies: { keys: [crypto.randomUUID()] },
  claims: {
    openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture', 'roles'],
  },
  scopes: ['openid', 'offline_access', ...(options.scopes ?? [])],
  conformIdTokenClaims: options.bare_id_token ?? false,
  pkce: { required: () => true },
  responseTypes: ['code'],
  ttl: {
    AccessToken: () => control.state.access_token_seconds,
    AuthorizationCode: 60, Grant: 86400, IdToken: 3600, Interaction: 600, Session: 86400,
    RefreshToken: options.refresh_token_seconds ?? 86400,
  },
  rotateRefreshToken: options.rotate ?? true,
  // A strict provider gives refresh tokens only for offline_access, which it grants only with prompt=consent.
  ...(options.strict_offline ? {} : { issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'), expiresWithSession: async () => false }),
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (ctx, form) => { ctx.body = `<!doctype html><title>Sign out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`; },
      postLogoutSuccessSource: async (ctx) => { ctx.body = '<!doctype html><title>Signed out</title>'; },
    },
    pushedAuthorizationRequests: { enabled: options.par ?? false },
    userinfo: { enabled: true },
  },
  // The library's own guard against calls into private networks would refuse a loopback relying party.
  fetch: (url, { dispatcher, ...rest }) => fetch(url, rest),
  findAccount: async (ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: id[0].toUpperCase() + id.slice(1), email: `${id}@example.com`, email_verified: true, picture: `${issuer}/${id}.png`,
      ...(control.state.roles && { roles: control.state.roles }) }),
  }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  renderError: async (ctx, out) => { ctx.type = 'json'; ctx.body = out; },
});
control.watch(provider);

// interact answers the sign-in page and the consent page at once, as whoever the test chose, else as login_hint says, else as ada.
async function interact(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  if (control.state.deny) {
    return provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'the person said no' });
  }
  if (prompt.name === 'login') {
    const accountId = (control.state.account || params.login_hint || 'ada').split('@')[0];
    return provider.interactionFinished(req, res, { login: { accountId, remember: true, amr: ['pwd'] } }, { mergeWithLastSubmission: false });
  }
  const grant = (grantId && await provider.Grant.find(grantId)) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const refused = new Set(control.state.refuse_scopes);
  grant.addOIDCScope(params.scope.split(' ').filter((s) => !refused.has(s)).join(' '));
  if (refused.size) grant.rejectOIDCScope([...refused].join(' '));
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const answer = provider.callback();
server.on('request', async (req, res) => {
  try {
    const path = new URL(req.url, issuer).pathname;
    if (path.startsWith('/control/')) return await control.answer(provider, path.slice('/control/'.length), req, res);
    if (path.startsWith('/interaction/')) return await interact(req, res);
    return await control.passThrough(path, req, res, answer);
  } catch (err) {
    process.stderr.write(`${err.stack}\n`);
    if (!res.headersSent) res.writeHead(500);
    return res.end();
  }
});

process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
