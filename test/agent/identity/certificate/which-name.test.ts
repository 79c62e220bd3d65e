import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { rawName } from '../../../support/client-certificates.ts'
import { ANYBODY, ask, schemeOf, startAuthority, subjectIn, WORKLOADS } from './support.ts'

const { issued } = await startAuthority()

describe('which name counts', () => {
  const all = {
    name: rawName({ O: 'Example' }, { CN: 'the name' }),
    names: [
      ['url', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
      ['dns', 'a.example.org'],
      ['email', 'Alice@Example.org'],
    ],
  } as const

  it.each([
    ['uri', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    ['dns', 'a.example.org'],
    ['email', 'Alice@example.org'],
    ['cn', 'the name'],
    ['dn', 'CN=the name,O=Example'],
  ] as const)('%s is %s', async (source, subject) => {
    const { der } = await issued(all)
    expect(subjectIn(ask(schemeOf({ source, allow: ANYBODY }), der))).toBe(subject)
  })

  it('x5t is the digest of the certificate', async () => {
    const { der } = await issued(all)
    const digest = createHash('sha256').update(der).digest('base64url')
    expect(subjectIn(ask(schemeOf({ source: 'x5t', allow: digest }), der))).toBe(digest)
    expect(subjectIn(ask(schemeOf({ source: 'x5t', allow: 'A'.repeat(43) }), der))).toBe('client_cert_not_allowed')
  })

  it.each(['uri', 'dns', 'email', 'cn', 'dn'] as const)(
    'without a %s there is no caller: others are not asked',
    async (source) => {
      const everythingElse = {
        name: rawName(...(source === 'cn' ? [{ O: 'x' }] : source === 'dn' ? [] : [{ CN: 'x' }])),
        names: all.names.filter(([type]) => type !== (source === 'uri' ? 'url' : source)),
      }
      const { der } = await issued(everythingElse)
      expect(subjectIn(ask(schemeOf({ source, allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it.each([
    [
      'dns',
      [
        ['dns', 'a.example.org'],
        ['dns', 'b.example.org'],
      ],
    ],
    [
      'email',
      [
        ['email', 'a@example.org'],
        ['email', 'b@example.org'],
      ],
    ],
    [
      'uri',
      [
        ['url', 'https://a'],
        ['url', 'https://b'],
      ],
    ],
  ] as const)('of two %s neither counts', async (source, names) => {
    const { der } = await issued({ names })
    expect(subjectIn(ask(schemeOf({ source, allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
  })

  it('of two common names neither counts, in one part of the name or in two', async () => {
    const scheme = schemeOf({ source: 'cn', allow: ANYBODY })
    const { der } = await issued({ name: rawName({ CN: 'alice' }, { CN: 'admin' }) })
    expect(subjectIn(ask(scheme, der))).toBe('client_cert_not_allowed')
  })

  it.each([
    ['a control character', 'ali\u0000ce'],
    ['a line end', 'alice\nCN=admin'],
    ['a space at its end', 'alice '],
    ['nothing', ''],
    ['1025 bytes', 'a'.repeat(1025)],
  ])('a common name with %s is none', async (_what, cn) => {
    const { der } = await issued({ name: rawName({ CN: cn }) })
    expect(subjectIn(ask(schemeOf({ source: 'cn', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
  })

  it.each(['al,ice "q" \\ + <é> #;=', '#616c696365', 'CN=admin + CN=x', 'Zoë 😀'])(
    'a common name may hold what needs escapes: %s',
    async (cn) => {
      const { der } = await issued({ name: rawName({ CN: cn, O: 'x' }) })
      expect(subjectIn(ask(schemeOf({ source: 'cn', allow: ANYBODY }), der))).toBe(cn)
    },
  )

  it.each(['a..b', '-a.b', 'a.b.', 'a b', 'a\u0000.b', 'é.org', `${'a'.repeat(64)}.org`, 'a.org/b'])(
    'a host name has labels of letters, digits and hyphens: not %j',
    async (name) => {
      const { der } = await issued({ names: [['dns', name]] })
      expect(subjectIn(ask(schemeOf({ source: 'dns', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it.each(['@example.org', 'a@', 'a b@example.org', 'a@b@example.org', 'a', '"a"@example.org', 'a,b@example.org'])(
    '%j is no mail address',
    async (name) => {
      const { der } = await issued({ names: [['email', name]] })
      expect(subjectIn(ask(schemeOf({ source: 'email', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it.each(['orders', 'https://a b', 'https://a/\u0000', 'SPIFFE://example.org/a', 'spiffe://example.org'])(
    '%j is no URI of a caller',
    async (name) => {
      const { der } = await issued({ names: [['url', name]] })
      expect(subjectIn(ask(schemeOf({ source: 'uri', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it('names of other kinds are passed over, however they are written', async () => {
    const { der } = await issued({
      names: [
        ['upn', 'u@x, URI:spiffe://example.org/evil'],
        ['ip', '192.0.2.1'],
        ['id', '1.2.3.4'],
        ['guid', '8ee13e53-2c1c-42bb-8df7-39927c0bdbb6'],
        ['dn', 'CN=x'],
        ['url', 'spiffe://example.org/a'],
      ],
    })
    expect(subjectIn(ask(schemeOf(WORKLOADS), der))).toBe('spiffe://example.org/a')
  })
})
