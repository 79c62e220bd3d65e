import { describe, expect, it } from 'vitest'
import { parseStrict } from '../../../agent/identity/strict-jwt.ts'
import { b64 } from './support/tokens.ts'

const HEADER = '{"alg":"RS256","kid":"k","typ":"at+jwt"}'
const PAYLOAD = '{"iss":"https://idp.example","sub":"a"}'

function token(header: string | Buffer = HEADER, payload: string | Buffer = PAYLOAD, signature = 'AAAA'): string {
  return `${b64(header)}.${b64(payload)}.${signature}`
}

describe('parseStrict', () => {
  it('gives the typed parts of a well-formed token', () => {
    const parsed = parseStrict(token())
    expect(parsed).toMatchObject({
      ok: true,
      alg: 'RS256',
      kid: 'k',
      typ: 'at+jwt',
      issuer: 'https://idp.example',
      payload: { sub: 'a' },
    })
    expect(parsed.ok && parsed.signed).toBe(`${b64(HEADER)}.${b64(PAYLOAD)}`)
    expect(parsed.ok && parsed.signature).toBe('AAAA')
  })

  it('accepts line breaks inside the JSON, as the example of RFC 7515 A.1 has them', () => {
    expect(parseStrict(token('{"typ":"JWT",\r\n "alg":"RS256"}')).ok).toBe(true)
  })

  const unsigned = token().slice(0, -5)
  it.each([
    ['nothing', ''],
    ['one segment', 'abc'],
    ['two segments', unsigned],
    ['two segments and a dot (no signature)', `${unsigned}.`],
    ['a trailing dot', `${token()}.`],
    ['four segments', `${token()}.AAAA`],
    ['five segments (JWE)', 'a.b.c.d.e'],
    ['six segments', 'a.b.c.d.e.f'],
    ['an empty header', `.${b64(PAYLOAD)}.AAAA`],
    ['padding', `${token()}=`],
    ['a space in front', ` ${token()}`],
    ['a space behind', `${token()} `],
    ['a line feed behind', `${token()}\n`],
    ['a space inside', token().replace('.', ' .')],
    ['the standard alphabet', `${unsigned}.A+/A`],
    ['a segment of 4n + 1 characters', `${unsigned}.AAAAA`],
    ['spare bits in a rest of two', `${unsigned}.AB`],
    ['spare bits in a rest of three', `${unsigned}.AAB`],
    ['spare bits in the payload', `${b64('{"alg":"RS256"}')}.${b64('{"iss":"x"} ').slice(0, -1)}B.AAAA`],
    ['non-ASCII', `${unsigned}.AAÄA`],
    ['NUL', `${unsigned}.AA\0A`],
    ['JSON serialisation', '{"payload":"e30","signatures":[]}'],
    ['a header that is no JSON', token('alg=RS256')],
    ['a header with a byte order mark', token(`\ufeff${HEADER}`)],
    ['a payload with a byte order mark', token(HEADER, `\ufeff${PAYLOAD}`)],
    ['invalid UTF-8', token(HEADER, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))],
    ['an array as header', token('["alg","RS256"]')],
    ['null as header', token('null')],
    ['an array as payload', token(HEADER, '[]')],
    ['a string as payload', token(HEADER, '"iss"')],
    ['text behind the payload', token(HEADER, `${PAYLOAD}{}`)],
    ['no alg', token('{"kid":"k"}')],
    ['an empty alg', token('{"alg":""}')],
    ['an array as alg', token('{"alg":["RS256"]}')],
    ['a number as kid', token('{"alg":"RS256","kid":1}')],
    ['null as kid', token('{"alg":"RS256","kid":null}')],
    ['a kid of 2 KB', token(`{"alg":"RS256","kid":"${'k'.repeat(2048)}"}`)],
    ['a number as typ', token('{"alg":"RS256","typ":1}')],
    ['an unknown crit', token('{"alg":"RS256","crit":["x"],"x":1}')],
    ['an empty crit', token('{"alg":"RS256","crit":[]}')],
    ['duplicate crit entries', token('{"alg":"RS256","crit":["exp","exp"],"exp":1}')],
    ['crit b64', token('{"alg":"RS256","crit":["b64"],"b64":false}')],
    ['crit exp', token('{"alg":"RS256","crit":["exp"],"exp":1}')],
    ['crit null', token('{"alg":"RS256","crit":null}')],
    ['b64 false', token('{"alg":"RS256","b64":false}')],
    ['zip', token('{"alg":"RS256","zip":"DEF"}')],
    ['an embedded jwk', token('{"alg":"RS256","jwk":{"kty":"RSA"}}')],
    ['jku', token('{"alg":"RS256","jku":"https://evil.example/jwks"}')],
    ['x5u', token('{"alg":"RS256","x5u":"https://evil.example/x"}')],
    ['x5c', token('{"alg":"RS256","x5c":["MII"]}')],
    ['a nested token', token('{"alg":"RS256","cty":"JWT"}')],
    ['a nested token by its long name', token('{"alg":"RS256","cty":"application/jwt"}')],
    ['two alg', token('{"alg":"RS256","alg":"RS256"}')],
    ['two alg, one escaped', token(String.raw`{"alg":"RS256","\u0061lg":"none"}`)],
    ['two exp', token(HEADER, '{"iss":"x","exp":1,"exp":2}')],
    ['two keys deep inside', token(HEADER, '{"iss":"x","a":[{"b":1,"b":2}]}')],
    ['17 levels', token(HEADER, `{"iss":"x","a":${'['.repeat(16)}${']'.repeat(16)}}`)],
    ['very many levels (C21)', token(HEADER, `{"iss":"x","a":${'['.repeat(100_000)}`)],
  ])('refuses %s as malformed', (_what, text) => {
    expect(parseStrict(text)).toEqual({ ok: false, reason: 'malformed_token' })
  })

  it.each(['none', 'None', 'nOnE', 'HS256', 'HS384', 'HS512', 'RS1', 'ES256K', 'rs256', '__proto__'])(
    'refuses alg %s before anything else is looked at',
    (alg) => {
      expect(parseStrict(token(JSON.stringify({ alg })))).toEqual({ ok: false, reason: 'alg_not_allowed' })
    },
  )

  it('tells a missing issuer from one that is no string', () => {
    expect(parseStrict(token(HEADER, '{}'))).toMatchObject({ reason: 'claim_missing' })
    expect(parseStrict(token(HEADER, '{"iss":["https://idp.example"]}'))).toMatchObject({ reason: 'claim_invalid' })
  })

  it('gives each signature one spelling: of 16 last characters that decode alike, one is accepted', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')
    expect(alphabet.filter((last) => parseStrict(`${unsigned}.A${last}`).ok)).toEqual(['A', 'Q', 'g', 'w'])
    expect(alphabet.filter((last) => parseStrict(`${unsigned}.AA${last}`).ok)).toHaveLength(16)
  })
})
