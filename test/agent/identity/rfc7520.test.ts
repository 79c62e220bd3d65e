import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { importVetted, type VettedKey } from '../../../agent/identity/jwk.ts'
import { verifySignature } from '../../../agent/identity/signature.ts'
import { parseStrict, type StrictJwt } from '../../../agent/identity/strict-jwt.ts'
import { b64 } from './support/tokens.ts'

// The cookbook of JOSE. Its payload is a sentence, which is no JWT: so the signatures are judged by themselves, and the
// texts as a whole by what parseStrict makes of them.
interface Cookbook {
  readonly keys: Readonly<Record<string, Record<string, unknown>>>
  readonly payload: string
  readonly signatures: Readonly<
    Record<string, { key?: string; alg?: string; compact?: string; json?: object; json_flat?: object }>
  >
}
const { keys, payload, signatures } = JSON.parse(
  readFileSync(new URL('vectors/rfc7520.json', import.meta.url), 'utf8'),
) as Cookbook

function example(section: string): { key: unknown; alg: string; compact: string } {
  const { key = '', alg = '', compact = '' } = signatures[section] ?? {}
  return { key: keys[key], alg, compact }
}

/** The token as parseStrict gives it, were its payload claims: that part is replaced for it and put back behind it. */
function partsOf(compact: string): StrictJwt {
  const [header, body, signature] = compact.split('.')
  const parsed = parseStrict(`${header}.${b64('{"iss":"x"}')}.${signature}`)
  if (!parsed.ok) throw new Error(parsed.reason)
  return { ...parsed, signed: `${header}.${body}` }
}

const reasonOf = (text: string): string => {
  const parsed = parseStrict(text)
  return parsed.ok ? 'ok' : parsed.reason
}

describe('RFC 7520 section 3, keys', () => {
  it.each([
    ['3.1', 'EC public key on P-521', ['ES512'], 66],
    ['3.3', 'RSA public key of 2048 bits', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'], 256],
  ])('%s, an %s, is taken', async (section, _what, algorithms, bytes) => {
    const key = await importVetted(keys[section])
    expect([key.kid, key.algorithms]).toEqual(['bilbo.baggins@hobbiton.example', algorithms])
    expect(Buffer.from(String(key.jwk['x'] ?? key.jwk['n']), 'base64url')).toHaveLength(bytes)
  })

  it.each([
    ['3.2', 'EC private key', 'holds private or symmetric key material'],
    ['3.4', 'RSA private key', 'holds private or symmetric key material'],
    ['3.5', 'symmetric key for HS256', 'holds private or symmetric key material'],
    ['3.6', 'symmetric key for encryption', 'holds private or symmetric key material'],
  ])('%s, an %s, is refused: whoever published it has given it away', async (section, _what, message) => {
    await expect(importVetted(keys[section])).rejects.toMatchObject({ name: 'KeyRefused', message })
  })
})

describe('RFC 7520 section 4, signatures', () => {
  it('are over the sentence of the cookbook', () => {
    for (const section of ['4.1', '4.2', '4.3', '4.4']) {
      const body = example(section).compact.split('.')[1] ?? ''
      expect(Buffer.from(body, 'base64url').toString()).toBe(payload)
    }
  })

  it.each([
    ['4.1', 'RS256'],
    ['4.2', 'PS384'],
    ['4.3', 'ES512'],
    ['RFC 8037', 'EdDSA'],
  ])('%s, %s: verifies, and with any byte of it or of what it signs changed it does not', async (section, alg) => {
    const { key, compact } = example(section)
    const vetted: VettedKey = await importVetted(key)
    const token = partsOf(compact)
    expect(token.alg).toBe(alg)
    expect(await verifySignature(token, vetted)).toBe(true)
    for (const [part, encoding] of [
      ['signature', 'base64url'],
      ['signed', 'latin1'],
    ] as const) {
      const { length } = Buffer.from(token[part], encoding)
      for (const at of [0, length >> 1, length - 1]) {
        const bytes = Buffer.from(token[part], encoding)
        bytes[at] = (bytes[at] ?? 0) ^ 1
        expect(await verifySignature({ ...token, [part]: bytes.toString(encoding) }, vetted)).toBe(false)
      }
    }
  })

  it.each([
    ['4.1', 'PS256'],
    ['4.1', 'RS384'],
    ['4.2', 'RS384'],
    ['4.2', 'PS256'],
    ['4.3', 'ES384'],
  ])('%s is none of %s, with the same key', async (section, alg) => {
    const { key, compact } = example(section)
    expect(await verifySignature({ ...partsOf(compact), alg }, await importVetted(key))).toBe(false)
  })

  it.each([
    ['4.1', 'malformed_token', 'the payload is no JSON object'],
    ['4.2', 'malformed_token', 'the payload is no JSON object'],
    ['4.3', 'malformed_token', 'the payload is no JSON object'],
    ['RFC 8037', 'malformed_token', 'the payload is no JSON object'],
    ['4.4', 'alg_not_allowed', 'HS256: who can verify with a shared secret can sign with it'],
    ['4.5', 'alg_not_allowed', 'HS256, before the payload is missed'],
  ])('%s as a token: %s, for %s', (section, reason) => {
    expect(reasonOf(example(section).compact)).toBe(reason)
  })

  it('4.5, detached content, is malformed with an asymmetric algorithm too: there are no claims to judge', () => {
    for (const section of ['4.1', '4.2', '4.3']) {
      const [header, , signature] = example(section).compact.split('.')
      expect(reasonOf(`${header}..${signature}`)).toBe('malformed_token')
    }
  })

  it('no JSON serialization is taken, general or flattened: a token is one text of three segments', () => {
    let count = 0
    for (const { json, json_flat: flat } of Object.values(signatures)) {
      for (const form of [json, flat]) {
        if (form === undefined) continue
        count++
        expect(reasonOf(JSON.stringify(form))).toBe('malformed_token')
        expect(reasonOf(b64(JSON.stringify(form)))).toBe('malformed_token')
      }
    }
    // 4.1 to 4.7 in both forms, 4.8 (three signatures) in the general one only.
    expect(count).toBe(15)
  })
})
