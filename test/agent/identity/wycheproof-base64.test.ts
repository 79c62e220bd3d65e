import { beforeAll, describe, expect, it } from 'vitest'
import { importVetted, type VettedKey } from '../../../agent/identity/jwk.ts'
import { verifySignature } from '../../../agent/identity/signature.ts'
import { parseStrict } from '../../../agent/identity/strict-jwt.ts'
import { b64, signBytes, testKey, type TestKey } from './support/tokens.ts'

// The group `base64` of Wycheproof's JWS vectors (tcId 357 to 377) is of HS256 throughout, which is refused whatever its
// form: it would be passed for the wrong reason. So here it is again with algorithms that we verify. Where a vector has a
// genuine signature over its odd text, so has ours: then nothing but the form can refuse it. (In the published file 367
// and 370 have lost their padding and are the valid token 357 once more; here they have it.)
const PAYLOAD = b64('{"iss":"x"}') // 4n + 3 characters: can be padded, and has two bits to spare

interface Parts {
  readonly header: string
  readonly payload: string
  readonly signature: string
}

/** How a genuine token becomes the vector; what is `signed` is then signed anew as it stands. */
interface Change {
  readonly signed?: (parts: Parts) => Partial<Parts>
  readonly sent?: (parts: Parts) => Partial<Parts>
  /** What the header reads, for the vectors about that. */
  readonly header?: (alg: string, kid: string) => string
  /** First character of the signature. */
  readonly startsWith?: string
}

const compactHeader = (alg: string, kid: string): string => JSON.stringify({ kid, alg })
const INVALID: readonly (readonly [tcId: number, what: string, change: Change])[] = [
  [360, 'spaces before the signature', { sent: ({ signature }) => ({ signature: `    ${signature}` }) }],
  [361, 'another character before the signature', { sent: ({ signature }) => ({ signature: `?${signature}` }) }],
  [362, 'another character behind the signature', { sent: ({ signature }) => ({ signature: `${signature}?` }) }],
  [
    363,
    'another character for an A',
    { startsWith: 'A', sent: ({ signature }) => ({ signature: `?${signature.slice(1)}` }) },
  ],
  [364, 'another character for the first', { sent: ({ signature }) => ({ signature: `?${signature.slice(1)}` }) }],
  [365, 'spaces behind the header, signed', { signed: ({ header }) => ({ header: `${header}    ` }) }],
  [366, 'other characters behind the header, signed', { signed: ({ header }) => ({ header: `${header}####` }) }],
  [367, 'padding of the signature', { sent: ({ signature }) => ({ signature: `${signature}==` }) }],
  [
    367,
    'padding of the header, signed',
    { signed: ({ header }) => ({ header: `${header}${'='.repeat((4 - (header.length % 4)) % 4)}` }) },
  ],
  [368, 'spaces before the payload, signed', { signed: ({ payload }) => ({ payload: `    ${payload}` }) }],
  [369, 'other characters before the payload, signed', { signed: ({ payload }) => ({ payload: `####${payload}` }) }],
  [370, 'padding of the payload, signed', { signed: ({ payload }) => ({ payload: `${payload}=` }) }],
  [371, 'another character before the payload, signed', { signed: ({ payload }) => ({ payload: `?${payload}` }) }],
  [
    372,
    'another character in the header, sent only',
    { sent: ({ header }) => ({ header: `${header.slice(0, -1)}?${header.slice(-1)}` }) },
  ],
  [373, 'another character behind the payload, sent only', { sent: ({ payload }) => ({ payload: `${payload}?` }) }],
  [374, 'spare bits of the payload, sent only', { sent: ({ payload }) => ({ payload: withSpareBits(payload) }) }],
  [375, 'spare bits of the payload, signed', { signed: ({ payload }) => ({ payload: withSpareBits(payload) }) }],
]
const VALID: readonly (readonly [tcId: number, what: string, change: Change])[] = [
  [357, 'plain', {}],
  [358, 'a signature that begins with zero bits', { startsWith: 'A' }],
  [359, 'a signature with both characters that base64url has of its own', { startsWith: '' }],
  [376, 'spaces in the JSON of the header', { header: (alg, kid) => `{ "kid" : "${kid}", "alg" : "${alg}" }` }],
  [377, 'line feed and tab in the JSON of the header', { header: (alg, kid) => `{"kid":"${kid}",\n\t"alg":"${alg}"}` }],
]

describe.each(['RS256', 'ES256', 'EdDSA'])('the base64 group of Wycheproof with %s', (alg) => {
  const signer: TestKey = testKey(alg, 'hs256-key-of-wycheproof')
  let key: VettedKey
  beforeAll(async () => {
    key = await importVetted(signer.jwk)
  })

  it.each(VALID)('%i, %s: accepted', async (_tcId, _what, change) => {
    expect(await accepts(tokenOf(signer, change), key)).toBe(true)
  })

  it.each(INVALID)('%i, %s: refused for its form', async (_tcId, _what, change) => {
    const token = tokenOf(signer, change)
    expect(parseStrict(token)).toMatchObject({ ok: false, reason: 'malformed_token' })
    expect(await accepts(tokenOf(signer, { ...change, signed: () => ({}), sent: () => ({}) }), key)).toBe(true)
  })
})

async function accepts(token: string, key: VettedKey): Promise<boolean> {
  const parsed = parseStrict(token)
  return parsed.ok && (await verifySignature(parsed, key))
}

function tokenOf(signer: TestKey, { signed, sent, header = compactHeader, startsWith }: Change): string {
  for (let tries = 0; tries < 2000; tries++) {
    // Ed25519 and RSA sign the same text always alike: to look for a signature, the payload changes.
    const payload = startsWith === undefined ? PAYLOAD : b64(`{"iss":"${tries}"}`)
    const plain = { header: b64(header(signer.alg, signer.kid)), payload, signature: '' }
    const odd = { ...plain, ...signed?.(plain) }
    const signature = b64(signBytes(signer.alg, signer.privateKey, `${odd.header}.${odd.payload}`))
    if (startsWith === '' ? !/-.*_|_.*-/.test(signature) : !signature.startsWith(startsWith ?? '')) continue
    const whole = { ...odd, signature }
    const { header: first, payload: second, signature: third } = { ...whole, ...sent?.(whole) }
    return `${first}.${second}.${third}`
  }
  throw new Error('no such signature found')
}

/** Another spelling of the same bytes: the last character's bits that no byte needs are set. */
function withSpareBits(segment: string): string {
  const other = segment.slice(0, -1) + String.fromCharCode(segment.charCodeAt(segment.length - 1) + 1)
  if (!Buffer.from(other, 'base64url').equals(Buffer.from(segment, 'base64url'))) throw new Error('other bytes')
  return other
}
