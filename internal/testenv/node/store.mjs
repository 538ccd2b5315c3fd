// A store without the library's limit of 1,000 entries, so that a long run never loses a grant by eviction.
const entries = new Map(); // "Model:id" -> { value, until }
const grants = new Map(); // grant id -> set of keys
const uids = new Map(); // session uid -> id
const grantable = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

function read(key) {
  const entry = entries.get(key);
  if (!entry) return undefined;
  if (entry.until <= Date.now()) {
    entries.delete(key);
    return undefined;
  }
  return entry.value;
}

export class Store {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, value, seconds) {
    const key = this.key(id);
    entries.set(key, { value, until: seconds ? Date.now() + seconds * 1000 : Infinity });
    if (this.model === 'Session') uids.set(value.uid, id);
    if (grantable.has(this.model) && value.grantId) {
      if (!grants.has(value.grantId)) grants.set(value.grantId, new Set());
      grants.get(value.grantId).add(key);
    }
  }

  async find(id) {
    return read(this.key(id));
  }

  async findByUid(uid) {
    return read(this.key(uids.get(uid)));
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    const value = read(this.key(id));
    if (value) value.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    entries.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of grants.get(grantId) ?? []) entries.delete(key);
    grants.delete(grantId);
  }
}

// accessToken is what is known of an access token that is good now.
export function accessToken(value) {
  return read(`AccessToken:${value}`);
}

// revokeAll ends every grant of an account, or of all accounts when none is named, as a person does on the provider's own pages.
export function revokeAll(account) {
  for (const [key, entry] of entries) {
    const grantable = /^(AccessToken|AuthorizationCode|RefreshToken|Grant):/.test(key);
    if (grantable && (!account || entry.value.accountId === account)) entries.delete(key);
  }
}

// expireAccess ends access tokens before their time, which their holder cannot know.
export function expireAccess() {
  for (const key of entries.keys()) {
    if (key.startsWith('AccessToken:')) entries.delete(key);
  }
}
