// What a test sees of the provider, and how it makes it misbehave.
import { text } from 'node:stream/consumers';
import { accessToken, expireAccess, revokeAll } from './store.mjs';

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class Control {
  constructor(server, registration, seconds) {
    this.server = server;
    this.registration = registration;
    // What the test chose. token: what goes wrong at the token endpoint, `times` times (for ever when it has none):
    // {status, body, headers} answers that; before_ms and after_ms delay; hang never answers; drop answers nobody although it acted.
    this.state = { access_token_seconds: seconds, account: null, roles: null, deny: false, refuse_scopes: [], down: false, token: null };
    this.counts = { token: 0, codes: 0, refreshes: 0, rotations: 0, reuse: 0, refused: 0, revocations: 0, parked: 0, logouts: 0, answered: 0 };
    this.secrets = new Set(); // every credential that passed
    this.sids = new Map(); // account -> session ids
    this.parked = []; // token requests held back until released
  }

  watch(provider) {
    provider.on('grant.error', (ctx, err) => {
      this.counts.refused += 1;
      if (/already used|already consumed/.test(`${err.error_detail} ${err.error_description}`)) this.counts.reuse += 1;
    });
    provider.on('authorization_code.consumed', () => { this.counts.codes += 1; });
    provider.on('refresh_token.consumed', () => { this.counts.rotations += 1; });
    provider.on('server_error', (ctx, err) => { process.stderr.write(`${err.stack}\n`); });
    provider.on('backchannel.error', (ctx, err) => { process.stderr.write(`back-channel: ${err.stack}\n`); });
    provider.on('authorization.success', (ctx) => {
      const { session, client } = { session: ctx.oidc.session, client: ctx.oidc.client };
      const sid = session?.sidFor(client.clientId);
      if (sid) this.sids.set(session.accountId, [...new Set([...(this.sids.get(session.accountId) ?? []), sid])]);
    });
  }

  // passThrough lets the library answer, unless the test wants otherwise.
  async passThrough(path, req, res, answer) {
    if (this.state.down) {
      res.writeHead(503, { 'retry-after': '1' });
      return res.end('down');
    }
    if (path === '/token/revocation') this.counts.revocations += 1;
    if (path !== '/token') return answer(req, res);
    return this.token(req, res, answer);
  }

  async token(req, res, answer) {
    this.counts.token += 1;
    const form = new URLSearchParams(await text(req));
    req.body = Object.fromEntries(form); // the library reads this instead of the spent stream
    const refresh = form.get('grant_type') === 'refresh_token';
    if (refresh) this.counts.refreshes += 1;
    for (const name of ['code', 'code_verifier', 'refresh_token', 'client_secret']) if (form.get(name)) this.secrets.add(form.get(name));

    const trouble = this.trouble(refresh);
    if (trouble?.before_ms) await pause(trouble.before_ms);
    if (trouble?.park) await this.park();
    if (trouble?.hang) return undefined;
    if (trouble?.reset) return req.socket.destroy();
    if (trouble?.status) {
      res.writeHead(trouble.status, { 'content-type': 'application/json', ...trouble.headers });
      // A careless provider repeats what it was sent.
      return res.end((trouble.body ?? '').replaceAll('{refresh_token}', form.get('refresh_token') ?? ''));
    }
    return this.capture(req, res, answer, trouble);
  }

  // trouble is what goes wrong with this request. Codes are spared unless the test says otherwise.
  trouble(refresh) {
    const t = this.state.token;
    if (!t || (!refresh && !t.codes)) return null;
    if (t.times !== undefined) {
      if (t.times <= 0) return null;
      t.times -= 1;
    }
    return t;
  }

  park() {
    this.counts.parked += 1;
    return new Promise((resolve) => { this.parked.push(resolve); });
  }

  // capture notes the tokens of the answer, and holds the answer back or loses it where the test wants that.
  async capture(req, res, answer, trouble) {
    const end = res.end.bind(res);
    let body = '';
    res.write = (chunk) => { body += chunk; return true; };
    res.end = async (chunk) => {
      if (chunk) body += chunk;
      try {
        const out = JSON.parse(body);
        for (const name of ['access_token', 'refresh_token', 'id_token']) if (out[name]) this.secrets.add(out[name]);
      } catch { /* not an answer with tokens */ }
      if (trouble?.park_after) await this.park();
      if (trouble?.after_ms) await pause(trouble.after_ms);
      if (trouble?.drop) return req.socket.destroy();
      this.counts.answered = Date.now();
      return end(body);
    };
    return answer(req, res);
  }

  async answer(provider, what, req, res) {
    const json = (value) => { res.writeHead(200, { 'content-type': 'application/json' }); res.end(JSON.stringify(value)); };
    const body = req.method === 'GET' ? {} : JSON.parse(await text(req) || '{}');
    switch (what) {
      case 'counts': return json(this.counts);
      case 'secrets': return json([...this.secrets]);
      case 'state': Object.assign(this.state, body); return json(this.state);
      case 'release': this.parked.splice(0).forEach((resolve) => resolve()); return json({});
      case 'register': Object.assign(this.registration, body); return json({});
      case 'revoke': revokeAll(body.account); return json({});
      case 'expire': expireAccess(); return json({});
      case 'refuse': return this.refuse(json, body.ms);
      case 'check': return this.check(body.token, json);
      case 'logout': return json(await this.logout(provider, body.account));
      default: res.writeHead(404); return res.end();
    }
  }

  // refuse listens to nobody for a while: connections are refused, not dropped.
  refuse(json, ms) {
    const { port } = this.server.address();
    json({});
    this.server.close();
    setTimeout(() => this.server.listen(port, '127.0.0.1'), ms);
    setTimeout(() => this.server.closeAllConnections(), 50);
  }

  // check says whose access token this is, as an API would learn from introspection.
  check(token, json) {
    const known = accessToken(token);
    return json(known ? { active: true, sub: known.accountId, scope: known.scope } : { active: false });
  }

  // logout ends an account's sessions and says so over the back channel.
  async logout(provider, account) {
    const client = await provider.Client.find(this.registration.client_id);
    const sent = [];
    for (const sid of this.sids.get(account) ?? []) {
      try {
        await client.backchannelLogout(account, sid);
        sent.push({ sid, status: 200 });
      } catch (err) {
        sent.push({ sid, status: err.response?.status ?? 0 });
      }
      this.counts.logouts += 1;
    }
    this.sids.delete(account);
    return { sent };
  }
}
