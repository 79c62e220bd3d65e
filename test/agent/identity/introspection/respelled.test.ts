import { afterEach, expect, it } from 'vitest'
import { b64, signToken, testKey } from '../support/tokens.ts'
import { twinOf } from '../support/twins.ts'
import { setUp, type Setup } from './support.ts'

let setup: Setup
afterEach(async () => {
  await setup[Symbol.asyncDispose]()
})

/** Signatures of 64 and of 256 bytes leave four bits over at their end. */
const SIGNED = ['ES256', 'RS256'].map((alg) => signToken(testKey(alg), { iss: 'https://id.example', sub: 'a' }))
/** RFC 7516: of five segments, of which the second may be empty. */
const ENCRYPTED = [b64('{"alg":"dir","enc":"A128GCM"}'), '', ...[12, 40, 16].map((n) => b64(Buffer.alloc(n)))].join('.')
const TOKENS = [...SIGNED, ENCRYPTED]

/** Other texts of the same bytes, to decoders that do not mind. */
function spellings(token: string): string[] {
  const last = token.at(-1) ?? ''
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return [
    `${token}=`,
    `${token}==`,
    `${token}!`,
    `${token.slice(0, -10)}~${token.slice(-10)}`,
    ...[1, 2, 3, 15].map((spare) => `${token.slice(0, -1)}${alphabet[alphabet.indexOf(last) | spare] ?? ''}`),
  ]
}

it.each(TOKENS)(
  'of a JWT only the spelling that its issuer wrote is asked about: its digest can be revoked',
  async (token) => {
    setup = await setUp({ tokens: 'any' })
    expect(await setup.outcome(token)).toBe('ok')
    for (const other of spellings(token)) {
      expect(other).not.toBe(token)
      // The server would say that it is active, as it says of every token here.
      expect(await setup.outcome(other)).toBe('malformed_token')
    }
    expect(setup.questions).toHaveLength(1)
  },
)

it.each(SIGNED)('a signed token does not become an opaque one by its spelling', async (token) => {
  setup = await setUp()
  for (const each of [token, ...spellings(token)]) expect(await setup.outcome(each)).toBe('malformed_token')
  expect(setup.questions).toHaveLength(0)
})

it.each(['v4.public.abcde', 'ory_at_abcdef.abcdefghi', 'a.b.c.d.e', 'x.y.z=', '{.b.c='])(
  'an opaque token may be anything else: %s',
  async (token) => {
    setup = await setUp({ tokens: 'any' })
    expect(await setup.outcome(token)).toBe('ok')
  },
)

it.each([
  ['as access tokens should be', { iss: 'https://id.example', sub: 'a' }, {}],
  ['that name no issuer', { sub: 'a' }, {}],
  ['with a certificate in their header', { iss: 'https://id.example' }, { x5c: ['MIIB'] }],
])('the two signatures that ECDSA allows are revoked together, of JWTs %s', async (_, claims, header) => {
  setup = await setUp({ tokens: 'any' })
  const token = signToken(testKey('ES256'), claims, header)
  const twin = twinOf(token, 'ES256')
  const [one, other] = [await setup.scheme.authenticate(token), await setup.scheme.authenticate(twin)]
  if (!one.ok || !other.ok) throw new Error('not active')
  expect(one.identity.twinDigest).toBe(other.identity.digest)
  expect(other.identity.twinDigest).toBe(one.identity.digest)
})
