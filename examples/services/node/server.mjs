// A service behind bff. GET /whoami says who is asking; POST /orders is for staff, and asks bff whether the session
// still lives.
import { createServer } from 'node:http'
import { Refused, bearer, introspector, verifier } from './whois.mjs'

const { BFF_ORIGIN, BFF_JWKS, BFF_ADMIN, AUDIENCE, CLIENT_ID, CLIENT_SECRET, LISTEN } = process.env
const who = verifier({ issuers: BFF_ORIGIN.split(','), audience: AUDIENCE, keysURL: BFF_JWKS })
const live = introspector({ url: `${BFF_ADMIN}/introspect`, client: CLIENT_ID, secret: CLIENT_SECRET })

// The basket is kept by bff beside the user, for this service and for whoever shares its name: one field for each.
async function basket(user, patch) {
  const authorization = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`
  const response = await fetch(`${BFF_ADMIN}/users/${user}/data`, {
    method: patch ? 'PATCH' : 'GET', body: patch && JSON.stringify(patch), signal: AbortSignal.timeout(5000),
    headers: { authorization, 'content-type': 'application/merge-patch+json' },
  })
  if (!response.ok) throw new Error(`ask bff: ${response.status}`)
  return [200, await response.json()]
}

async function serve(request) {
  const token = bearer(request.headers)
  const claims = await who(token)
  switch (`${request.method} ${new URL(request.url, 'http://basket').pathname}`) {
    case 'GET /whoami':
      return [200, { language: 'node', user: claims.sub, name: claims.name, rights: claims.rights }]
    case 'GET /basket':
      return basket(claims.sub)
    case 'POST /basket':
      return basket(claims.sub, { basket: { node: 'tea' } })
    case 'POST /orders':
      if (!(await live(token))) return [401, { error: 'the session has ended' }]
      if (!claims.rights.includes('staff')) return [403, { error: 'staff only' }]
      return [201, { language: 'node', ordered_by: claims.sub }]
    default:
      return [404, { error: 'no such page' }]
  }
}

const [host, port] = LISTEN.split(':')
createServer(async (request, response) => {
  const [status, body] = await serve(request).catch((error) =>
    error instanceof Refused ? [401, { error: 'not signed in' }] : [503, { error: 'try again' }])
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}).listen(Number(port), host)
