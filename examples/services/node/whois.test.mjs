import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { after, before, mock, test } from 'node:test'
import { Refused, introspector, verifier } from './whois.mjs'

const issuer = 'https://app.example.com'
const shop = 'https://shop.example.org'
const ours = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
const b64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = () => Math.floor(Date.now() / 1000)
const header = { alg: 'EdDSA', typ: 'at+jwt', kid: 'one' }
const claims = () =>
  ({ iss: issuer, sub: 'u_1', aud: 'app', sid: 's_1', rights: ['staff'], name: 'Ada', exp: now() + 60 })

function make(key, head, payload) {
  const text = `${b64(head)}.${b64(payload)}`
  return `${text}.${sign(null, Buffer.from(text), key.privateKey).toString('base64url')}`
}

let bff, base
let published = [ours]
let ended = false
before(async () => {
  bff = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      if (request.url === '/bff/jwks.json') {
        const keys = published.map((key, n) =>
          ({ ...key.publicKey.export({ format: 'jwk' }), kid: ['one', 'two'][n], alg: 'EdDSA' }))
        response.end(JSON.stringify({ keys }))
      } else if (new URLSearchParams(body).get('client_secret') !== 's3cret') {
        response.writeHead(401).end()
      } else {
        response.end(JSON.stringify({ active: !ended }))
      }
    })
  })
  await new Promise((resolve) => bff.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${bff.address().port}`
})
after(() => bff.close())

const check = (token) => verifier({ issuers: [issuer, shop], audience: 'app', keysURL: `${base}/bff/jwks.json` })(token)

test('a good assertion is accepted', async () => {
  const got = await check(make(ours, header, claims()))
  assert.deepEqual([got.sub, got.name, got.rights], ['u_1', 'Ada', ['staff']])
})

test('each front that is listed is an issuer', async () => {
  for (const iss of [issuer, shop]) assert.equal((await check(make(ours, header, { ...claims(), iss }))).iss, iss)
})

test('a new key is found after a minute, without a new verifier', async () => {
  const fresh = generateKeyPairSync('ed25519')
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  try {
    const verify = verifier({ issuers: [issuer], audience: 'app', keysURL: `${base}/bff/jwks.json` })
    await verify(make(ours, header, claims()))
    published = [ours, fresh]
    const next = () => make(fresh, { ...header, kid: 'two' }, claims())
    await assert.rejects(verify(next()), Refused) // one look a minute, whoever asks with whatever name of a key
    mock.timers.tick(61_000)
    assert.equal((await verify(next())).sub, 'u_1')
    await verify(make(ours, header, claims())) // and the old one still counts
  } finally {
    published = [ours]
    mock.timers.reset()
  }
})

// What a library that believes the header would check: the public key as the secret of a MAC.
function mac(head, payload) {
  const text = `${b64(head)}.${b64(payload)}`
  const secret = Buffer.from(ours.publicKey.export({ format: 'jwk' }).x, 'base64url')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

const [head, , signature] = make(ours, header, claims()).split('.')
for (const [name, token] of Object.entries({
  'nothing': '',
  'what is no JSON': 'a.b.c',
  'a forged one': make(stranger, header, claims()),
  'a changed one': `${head}.${b64({ ...claims(), sub: 'u_2' })}.${signature}`,
  'one without signature': `${head}.${b64(claims())}.`,
  'alg none': make(ours, { ...header, alg: 'none' }, claims()),
  'alg none without signature': `${b64({ ...header, alg: 'none' })}.${b64(claims())}.`,
  'HS256 with the public key': mac({ ...header, alg: 'HS256' }, claims()),
  'no type': make(ours, { alg: 'EdDSA', kid: 'one' }, claims()),
  'no key named': make(ours, { alg: 'EdDSA', typ: 'at+jwt' }, claims()),
  'one for later': make(ours, header, { ...claims(), nbf: now() + 30 }),
  'a front that is not listed': make(ours, header, { ...claims(), iss: 'https://help.example.net' }),
  'a longer name of a front': make(ours, header, { ...claims(), iss: `${shop}.evil.example` }),
  'no issuer': make(ours, header, { ...claims(), iss: undefined }),
  'another type': make(ours, { ...header, typ: 'JWT' }, claims()),
  'an unknown key': make(ours, { ...header, kid: 'two' }, claims()),
  'an expired one': make(ours, header, { ...claims(), exp: now() }),
  'one that does not expire': make(ours, header, { ...claims(), exp: undefined }),
  'another audience': make(ours, header, { ...claims(), aud: 'other' }),
  'another issuer': make(ours, header, { ...claims(), iss: 'https://evil.example' }),
})) {
  test(`${name} is refused`, () => assert.rejects(check(token), Refused))
}

test('an ended session is not live', async () => {
  const live = introspector({ url: `${base}/introspect`, client: 'basket', secret: 's3cret' })
  assert.equal(await live('x'), true)
  ended = true
  assert.equal(await live('x'), false)
  await assert.rejects(introspector({ url: `${base}/introspect`, client: 'basket', secret: 'wrong' })('x'))
})
