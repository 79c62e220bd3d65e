import { createHmac, createPublicKey, sign } from 'node:crypto'
import type { DenyReason } from '../../../../agent/identity/reasons.ts'
import { b64, rawToken, signToken, testKey, type TestKey } from './tokens.ts'

/** Where the attacks happen. */
export interface Battlefield {
  /** The honest issuer, which publishes {@link keys} but `foreign`. */
  readonly issuer: string
  /** An issuer that must never be asked anything. */
  readonly evil: string
  /** Seconds since the epoch, as the verifier sees them. */
  readonly seconds: () => number
  /** Claims that are accepted, with changes; undefined leaves a claim out. */
  readonly claims: (changes?: object) => Record<string, unknown>
}

export const keys = {
  rsa: testKey('RS256', 'rsa'),
  ec: testKey('ES256', 'ec'),
  ed: testKey('EdDSA', 'ed'),
  /** Not published; its kid is that of `rsa`. */
  foreign: testKey('RS256', 'rsa'),
} as const satisfies Record<string, TestKey>

/** One attack: how it is called in the reference, what it is, the token, and the reason in which it must end. */
export type Attack = readonly [id: string, what: string, token: () => string, reason: DenyReason]

/**
 * The attack list by its ids: A algorithm, K key selection, H header, E encoding, C claims. attack-coverage.ts tells
 * where the others are.
 */
export function attackList(field: Battlefield): readonly Attack[] {
  const { rsa, ec, ed, foreign } = keys
  const { seconds, claims } = field
  const header = (changes: object = {}): string => JSON.stringify({ alg: 'RS256', kid: 'rsa', ...changes })
  /** Honest RS256 signature under whatever header. */
  const withHeader = (changes: object): string => rawToken(rsa, header(changes), JSON.stringify(claims()))
  /** Honest RS256 token with claims written as text. */
  const withPayload = (text: string): string => rawToken(rsa, header(), text)
  /** The good claims as JSON text with one more member. */
  const plus = (member: string, changes: object = {}): string =>
    withPayload(`${JSON.stringify(claims(changes)).slice(0, -1)},${member}}`)
  const honest = (): string => signToken(rsa, claims())
  const resigned = (token: string, signature: Buffer): string =>
    `${token.slice(0, token.lastIndexOf('.'))}.${b64(signature)}`
  const signatureOf = (token: string): Buffer => Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')

  function hs256(secret: string | Buffer): string {
    const input = `${b64(JSON.stringify({ alg: 'HS256', kid: 'rsa' }))}.${b64(JSON.stringify(claims()))}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }

  const publicKey = createPublicKey(rsa.privateKey)

  return [
    ...['none', 'None', 'nOnE'].map(
      (alg) => ['A1', `alg ${alg}`, () => withHeader({ alg }), 'alg_not_allowed'] as Attack,
    ),
    [
      'A1',
      'alg none without signature',
      () => `${b64('{"alg":"none"}')}.${b64(JSON.stringify(claims()))}.`,
      'malformed_token',
    ],
    ['A2', 'alg empty', () => withHeader({ alg: '' }), 'malformed_token'],
    ['A2', 'alg missing', () => withHeader({ alg: undefined }), 'malformed_token'],
    ['A2', 'alg an array', () => withHeader({ alg: ['RS256'] }), 'malformed_token'],
    [
      'A3',
      'HS256 with the public key as PEM',
      () => hs256(publicKey.export({ type: 'spki', format: 'pem' })),
      'alg_not_allowed',
    ],
    [
      'A4',
      'HS256 with the public key as DER',
      () => hs256(publicKey.export({ type: 'spki', format: 'der' })),
      'alg_not_allowed',
    ],
    ['A5', 'HS256 with the public key as JWK', () => hs256(JSON.stringify(rsa.jwk)), 'alg_not_allowed'],
    ['A6', 'HS256 with the modulus', () => hs256(Buffer.from(rsa.jwk.n ?? '', 'base64url')), 'alg_not_allowed'],
    ['A7', 'the kid of an EC key under RS256', () => withHeader({ kid: 'ec' }), 'alg_not_allowed'],
    ['A7', 'the kid of an RSA key under ES256', () => withHeader({ alg: 'ES256' }), 'alg_not_allowed'],
    ['A7', 'the kid of an RSA key under EdDSA', () => withHeader({ alg: 'EdDSA' }), 'alg_not_allowed'],
    ['A8', 'an algorithm the provider does not list', () => withHeader({ alg: 'RS512' }), 'alg_not_allowed'],
    ['A8', 'a key published for RS256 under PS256', () => withHeader({ alg: 'PS256' }), 'alg_not_allowed'],
    ['A9', 'ES256 with r = s = 0', () => resigned(signToken(ec, claims()), Buffer.alloc(64)), 'signature_invalid'],
    [
      'A9',
      'ES256 with r = s = n',
      () =>
        resigned(
          signToken(ec, claims()),
          Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2), 'hex'),
        ),
      'signature_invalid',
    ],
    ['A9', 'EdDSA of zeros', () => resigned(signToken(ed, claims()), Buffer.alloc(64)), 'signature_invalid'],
    [
      'A10',
      'ECDSA in DER',
      () => {
        const token = signToken(ec, claims())
        return resigned(token, sign('sha256', Buffer.from(token.slice(0, token.lastIndexOf('.'))), ec.privateKey))
      },
      'signature_invalid',
    ],
    [
      'A11',
      'an RSA signature one byte short',
      () => resigned(honest(), signatureOf(honest()).subarray(0, -1)),
      'signature_invalid',
    ],
    [
      'A11',
      'an RSA signature one byte long',
      () => resigned(honest(), Buffer.concat([signatureOf(honest()), Buffer.alloc(1)])),
      'signature_invalid',
    ],
    [
      'A11',
      'an ECDSA signature cut in half',
      () => resigned(signToken(ec, claims()), Buffer.alloc(32, 1)),
      'signature_invalid',
    ],
    [
      'A11',
      'an EdDSA signature with a byte more',
      () => resigned(signToken(ed, claims()), Buffer.concat([signatureOf(signToken(ed, claims())), Buffer.alloc(1)])),
      'signature_invalid',
    ],
    [
      'A11',
      'a changed payload',
      () => honest().replace(/\.[^.]+\./, `.${b64(JSON.stringify(claims({ sub: 'admin' })))}.`),
      'signature_invalid',
    ],

    [
      'K2',
      'no kid, and no key fits',
      () => rawToken(foreign, JSON.stringify({ alg: 'RS256' }), JSON.stringify(claims())),
      'signature_invalid',
    ],
    ['K3', 'a kid that is a path', () => withHeader({ kid: '../../dev/null' }), 'unknown_key'],
    ['K3', 'a kid that is SQL', () => withHeader({ kid: "' OR 1=1" }), 'unknown_key'],
    ['K3', 'a kid that is a URL', () => withHeader({ kid: `${field.evil}/jwks` }), 'unknown_key'],
    ['K4', 'kid __proto__', () => withHeader({ kid: '__proto__' }), 'unknown_key'],
    ['K4', 'kid constructor', () => withHeader({ kid: 'constructor' }), 'unknown_key'],
    ['K5', 'a kid of 2 KB', () => withHeader({ kid: 'k'.repeat(2048) }), 'malformed_token'],
    ['K5', 'a kid of 10 KB', () => withHeader({ kid: 'k'.repeat(10_240) }), 'token_too_large'],
    ['K6', 'a kid that is no string', () => withHeader({ kid: 7 }), 'malformed_token'],
    [
      'K7',
      'an embedded key that fits',
      () => rawToken(foreign, header({ jwk: foreign.jwk }), JSON.stringify(claims())),
      'malformed_token',
    ],
    [
      'K8',
      'jku to an attacker',
      () => rawToken(foreign, header({ jku: `${field.evil}/jwks` }), JSON.stringify(claims())),
      'malformed_token',
    ],
    [
      'K8',
      'x5u to an attacker',
      () => rawToken(foreign, header({ x5u: `${field.evil}/jwks` }), JSON.stringify(claims())),
      'malformed_token',
    ],
    ['K9', 'x5c', () => withHeader({ x5c: ['MIIB'] }), 'malformed_token'],
    ['K10', "another issuer's key under the same kid", () => signToken(foreign, claims()), 'signature_invalid'],
    ['K10', 'an attacker as issuer', () => signToken(foreign, claims({ iss: field.evil })), 'unknown_issuer'],

    ['H1', 'crit unknown', () => withHeader({ crit: ['x'], x: 1 }), 'malformed_token'],
    ['H2', 'crit empty', () => withHeader({ crit: [] }), 'malformed_token'],
    ['H3', 'crit twice the same', () => withHeader({ crit: ['exp', 'exp'] }), 'malformed_token'],
    ['H4', 'crit b64', () => withHeader({ crit: ['b64'], b64: true }), 'malformed_token'],
    ['H5', 'crit exp', () => withHeader({ crit: ['exp'], exp: 1 }), 'malformed_token'],
    ['H6', 'b64 false', () => withHeader({ b64: false }), 'malformed_token'],
    ['H7', 'zip', () => withHeader({ zip: 'DEF' }), 'malformed_token'],
    ['H8', 'a DPoP proof as token', () => withHeader({ typ: 'dpop+jwt' }), 'typ_mismatch'],
    ['H8', 'a logout token', () => withHeader({ typ: 'logout+jwt' }), 'typ_mismatch'],
    ['H9', 'a nested token', () => rawToken(rsa, header({ cty: 'JWT' }), honest()), 'malformed_token'],
    ['H9', 'a nested token without cty', () => rawToken(rsa, header(), honest()), 'malformed_token'],
    [
      'H10',
      'two alg',
      () => rawToken(rsa, '{"alg":"none","alg":"RS256","kid":"rsa"}', JSON.stringify(claims())),
      'malformed_token',
    ],
    [
      'H10',
      'two alg, one escaped',
      () => rawToken(rsa, String.raw`{"alg":"RS256","kid":"rsa","\u0061lg":"RS256"}`, JSON.stringify(claims())),
      'malformed_token',
    ],
    ['H11', 'a byte order mark', () => rawToken(rsa, `\ufeff${header()}`, JSON.stringify(claims())), 'malformed_token'],
    ['H12', 'a header that is an array', () => rawToken(rsa, '[]', JSON.stringify(claims())), 'malformed_token'],

    ['E1', 'padding', () => `${honest()}==`, 'malformed_token'],
    ['E2', 'a space inside', () => honest().replace('.', ' .'), 'malformed_token'],
    ['E2', 'a tab behind', () => `${honest()}\t`, 'malformed_token'],
    ['E3', 'the standard alphabet', () => `${honest().slice(0, -2)}+/`, 'malformed_token'],
    [
      'E4',
      'spare bits',
      () => {
        const token = honest() // 256 bytes: the last of 342 characters holds four spare bits
        return token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1)
      },
      'malformed_token',
    ],
    ['E5', 'a trailing dot', () => `${honest()}.`, 'malformed_token'],
    ['E6', 'two segments', () => honest().slice(0, honest().lastIndexOf('.')), 'malformed_token'],
    ['E6', 'four segments', () => `${honest()}.AAAA`, 'malformed_token'],
    [
      'E7',
      'a compact JWE',
      () => `${b64('{"alg":"RSA-OAEP","enc":"A256GCM"}')}.AAAA.AAAA.AAAA.AAAA`,
      'malformed_token',
    ],
    ['E8', 'JSON serialisation', () => '{"payload":"e30"}', 'malformed_token'],
    ['E8', 'JSON serialisation with commas', () => '{"payload":"e30","signatures":[]}', 'multiple_credentials'],
    ['E9', 'non-ASCII', () => `${honest().slice(0, -1)}é`, 'malformed_token'],
    ['E10', 'NUL', () => `${honest()}\0`, 'malformed_token'],
    ['E11', 'an empty signature', () => honest().slice(0, honest().lastIndexOf('.') + 1), 'malformed_token'],
    ['E12', '8 KiB and one byte', () => 'a'.repeat(8193), 'token_too_large'],
    ['E13', '1 MB', () => 'a'.repeat(1_000_000), 'token_too_large'],

    ['C1', 'exp a string', () => signToken(rsa, claims({ exp: '9999999999' })), 'claim_invalid'],
    ['C3', 'exp negative', () => signToken(rsa, claims({ exp: -1 })), 'claim_invalid'],
    ['C4', 'exp 1e400', () => plus('"exp":1e400', { exp: undefined }), 'claim_invalid'],
    ['C5', 'no exp', () => signToken(rsa, claims({ exp: undefined })), 'claim_missing'],
    ['C6', 'exp null', () => signToken(rsa, claims({ exp: null })), 'claim_invalid'],
    ['C7', 'exp 2^53', () => signToken(rsa, claims({ exp: 2 ** 53 })), 'claim_invalid'],
    ['C8', 'nbf too far ahead', () => signToken(rsa, claims({ nbf: seconds() + 61 })), 'not_yet_valid'],
    ['C9', 'iat too far ahead', () => signToken(rsa, claims({ iat: seconds() + 61 })), 'issued_in_future'],
    ['C12', 'a prefix of our audience', () => signToken(rsa, claims({ aud: 'orders' })), 'audience_mismatch'],
    ['C13', 'an empty audience', () => signToken(rsa, claims({ aud: [] })), 'audience_mismatch'],
    ['C13', 'audiences of mixed types', () => signToken(rsa, claims({ aud: ['orders-api', 1] })), 'claim_invalid'],
    ['C14', 'iss with a slash', () => signToken(rsa, claims({ iss: `${field.issuer}/` })), 'unknown_issuer'],
    ['C14', 'iss in other case', () => signToken(rsa, claims({ iss: field.issuer.toUpperCase() })), 'unknown_issuer'],
    ['C15', 'iss an array', () => signToken(rsa, claims({ iss: [field.issuer] })), 'claim_invalid'],
    [
      'C16',
      'iss with a look-alike',
      () => signToken(rsa, claims({ iss: field.issuer.replace('1', '１') })),
      'unknown_issuer',
    ],
    ['C17', 'no sub', () => signToken(rsa, claims({ sub: undefined })), 'claim_missing'],
    ['C17', 'an empty sub', () => signToken(rsa, claims({ sub: '' })), 'claim_missing'],
    ['C18', 'sub of 2 KB', () => signToken(rsa, claims({ sub: 'a'.repeat(2048) })), 'claim_invalid'],
    ['C18', 'sub of 200 KB', () => signToken(rsa, claims({ sub: 'a'.repeat(200_000) })), 'token_too_large'],
    ['C20', '__proto__ as iss', () => withPayload(`{"__proto__":${JSON.stringify(claims())}}`), 'claim_missing'],
    ['C20', '__proto__ as sub', () => plus('"__proto__":{"sub":"admin"}', { sub: undefined }), 'claim_missing'],
    ['C21', 'thousands of levels', () => plus(`"x":${'['.repeat(2500)}${']'.repeat(2500)}`), 'malformed_token'],
    [
      'C22',
      '100 000 claims',
      () => plus(Array.from({ length: 100_000 }, (_, i) => `"c${i}":1`).join()),
      'token_too_large',
    ],
    ['C23', 'two exp', () => plus(`"exp":${seconds() + 600}`), 'malformed_token'],
    ['C24', 'a huge nbf', () => plus(`"nbf":${'9'.repeat(400)}`), 'claim_invalid'],
    ['C25', 'a lone surrogate as sub', () => plus(String.raw`"sub":"\ud800"`, { sub: undefined }), 'claim_invalid'],
    ['C26', 'CR LF in sub', () => signToken(rsa, claims({ sub: 'a\r\nX-Role: admin' })), 'claim_invalid'],
    ['C26', 'CR LF in a role', () => signToken(rsa, claims({ roles: ['a\r\nb'] })), 'claim_invalid'],
    ['C26', 'a control character in the tenant', () => signToken(rsa, claims({ tenant: 'a\x01' })), 'claim_invalid'],
    ['C26', 'a control character in a scope', () => signToken(rsa, claims({ scope: 'a\x7fb' })), 'claim_invalid'],
    ['C28', 'an ID token by nonce', () => signToken(rsa, claims({ nonce: 'n' })), 'typ_mismatch'],
    ['C28', 'an ID token by at_hash', () => signToken(rsa, claims({ at_hash: 'h' })), 'typ_mismatch'],
    ['C28', 'an ID token by token_use', () => signToken(rsa, claims({ token_use: 'id' })), 'typ_mismatch'],
  ]
}
