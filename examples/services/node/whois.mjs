// Verifies the assertion that bff puts into Authorization: who is asking, and what they may do.
import { createPublicKey, verify } from 'node:crypto'

// What is no valid assertion for this service. Any other error means that bff does not answer.
export class Refused extends Error {}

export const bearer = (headers) => (headers.authorization ?? '').replace(/^Bearer /, '')
const json = (part) => JSON.parse(Buffer.from(part, 'base64url').toString())

// issuers are the origins of bff's fronts, audience the `identity` of bff.yaml, keysURL bff's JWK Set. The function that it returns
// takes a token and gives its claims: sub is the user, rights are what they may do.
export function verifier({ issuers, audience, keysURL }) {
  let keys = new Map()
  let fetched = 0

  // Once an hour, and at most once a minute for a key that is new.
  async function key(id) {
    const age = Date.now() - fetched
    if (age > 3600_000 || (age > 60_000 && !keys.has(id))) {
      const response = await fetch(keysURL, { signal: AbortSignal.timeout(5000) })
      if (!response.ok) throw new Error(`ask bff: ${response.status}`)
      const set = await response.json()
      keys = new Map(set.keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]))
      fetched = Date.now()
    }
    return keys.get(id)
  }

  return async function check(token) {
    const [head, payload, signature, more] = token.split('.')
    let header, claims
    try {
      header = json(head)
      claims = json(payload)
    } catch {
      throw new Refused('malformed')
    }
    const ours = header?.alg === 'EdDSA' && header.typ === 'at+jwt' && signature && more === undefined
    const public_ = ours && (await key(header.kid))
    const signed = Buffer.from(`${head}.${payload}`)
    if (!public_ || !verify(null, signed, public_, Buffer.from(signature, 'base64url'))) throw new Refused('signature')
    if (!issuers.includes(claims.iss) || claims.aud !== audience) throw new Refused('not for this service')
    const now = Date.now() / 1000
    if (!(now < claims.exp) || now < claims.nbf) throw new Refused('not now')
    return claims
  }
}

// Asks bff itself (RFC 7662) whether the session is alive in this moment.
export function introspector({ url, client, secret }) {
  return async function live(token) {
    const body = new URLSearchParams({ token, client_id: client, client_secret: secret })
    const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(5000) })
    if (!response.ok) throw new Error(`ask bff: ${response.status}`)
    return (await response.json()).active === true
  }
}
