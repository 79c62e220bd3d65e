import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { ConfigError } from '../../../../agent/config/problem.ts'
import { hmac, NOW_S, webhookOf } from './support.ts'

const SECRET = '00112233445566778899aabbccddeeff'
const BODY = Buffer.from([0, 255, 10, 123])

describe('a sender of scheme hmac', () => {
  it.each([
    ['sha256', 'hex', ''],
    ['sha512', 'base64', 'sha512 '],
    ['sha512', 'base64url', 'v=2,s='],
    ['sha256', 'base64', ''],
  ] as const)('signs the body with %s in %s behind %j', (algorithm, encoding, prefix) => {
    const { identity, reason } = webhookOf({
      scheme: 'hmac',
      secrets: [SECRET],
      header: 'X-Signature',
      algorithm,
      encoding,
      prefix,
    })
    const mac = hmac(algorithm, SECRET, BODY).toString(encoding)
    expect(identity({ headers: { 'x-signature': prefix + mac }, body: BODY })).toMatchObject({
      issuer: 'hmac',
      expiresAt: Infinity,
    })
    const other = hmac(algorithm === 'sha256' ? 'sha512' : 'sha256', SECRET, BODY).toString(encoding)
    expect(reason({ headers: { 'x-signature': prefix + other }, body: BODY })).toBe('signature_invalid')
    if (prefix !== '') expect(reason({ headers: { 'x-signature': mac }, body: BODY })).toBe('malformed_token')
  })

  it('signs with SHA-1 only where that is allowed', () => {
    const { reason } = webhookOf({
      scheme: 'hmac',
      secrets: [SECRET],
      header: 'x-s',
      algorithm: 'sha1',
      allowSha1: true,
    })
    expect(reason({ headers: { 'x-s': hmac('sha1', SECRET, BODY).toString('hex') }, body: BODY })).toBe('ok')
  })

  it.each([
    ['text', SECRET, Buffer.from(SECRET)],
    ['hex', SECRET.toUpperCase(), Buffer.from(SECRET, 'hex')],
    ['base64', Buffer.from(SECRET, 'hex').toString('base64'), Buffer.from(SECRET, 'hex')],
  ] as const)('hands out its secret as %s', (secretEncoding, secret, key) => {
    const { reason, scheme } = webhookOf({ scheme: 'hmac', secrets: [secret], header: 'x-s', secretEncoding })
    expect(reason({ headers: { 'x-s': hmac('sha256', key, BODY).toString('hex') }, body: BODY })).toBe('ok')
    expect(scheme.status!()).toMatchObject({ keys: 1 })
  })

  it('whose secret is not written so is told of in the status, without a word of it', () => {
    const { reason, scheme } = webhookOf({ scheme: 'hmac', secrets: ['canary!'], header: 'x-s', secretEncoding: 'hex' })
    expect(reason({ headers: { 'x-s': 'ab' }, body: BODY })).toBe('secrets_unavailable')
    expect(scheme.status!().lastError).toBe('secret 1: expected hex')
  })

  it('signs id and time in milliseconds, names the event', () => {
    const { identity, reason, scheme } = webhookOf({
      scheme: 'hmac',
      secrets: [SECRET],
      header: 'x-s',
      signed: '{id}:{timestamp}:{body}',
      timestampUnit: 'ms',
      idHeader: 'X-Id',
      timestampHeader: 'X-Time',
      eventHeader: 'X-Event',
      tolerance: '1s',
    })
    expect(scheme.needs).toEqual({ headers: ['x-s', 'x-time', 'x-id', 'x-event', 'content-length'], body: true })
    const sent = (id: string, at: number) => ({
      headers: {
        'x-s': hmac('sha256', SECRET, `${id}:${at}:`, BODY).toString('hex'),
        ...(id === '' ? {} : { 'x-id': id }),
        'x-time': String(at),
        'x-event': 'paid',
      },
      body: BODY,
    })
    const { claims, credentialId } = identity(sent('d-1', NOW_S * 1000 + 500))
    expect(credentialId).toBe('d-1')
    expect(claims).toMatchObject({ id: 'd-1', event: 'paid', timestamp: NOW_S + 0.5 })
    expect(reason(sent('d-1', NOW_S * 1000 + 500))).toBe('replayed')
    expect(reason(sent('d-2', NOW_S * 1000 + 1001))).toBe('issued_in_future')
    expect(reason(sent('d-2', NOW_S * 1000 - 1001))).toBe('expired')
    expect(reason(sent('a:b', NOW_S * 1000))).toBe('malformed_token')
    expect(reason(sent('', NOW_S * 1000))).toBe('malformed_token')
  })
})

describe('agent.yaml of a webhook', () => {
  const load = (lines: string): string[] => {
    const text = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity:
  providers:
    hooks:
      kind: webhook
${lines.replace(/^/gm, '      ')}
rules: []
`
    try {
      parseConfig('agent.yaml', text, {})
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ line, message }) => `${line}: ${message}`)
      throw error
    }
  }

  it('takes one secret, or a list', () => {
    expect(load('scheme: github\nsecrets: abcdefghijklmnop')).toEqual([])
    expect(load('scheme: github\nsecrets: [abcdefghijklmnop, { file: next }]')).toEqual([])
  })

  it.each([
    ['scheme: gitlab\nsecrets: a', /^8: scheme: /],
    ['scheme: github', /^7: "secrets" is missing/],
    ['scheme: github\nsecrets: []', /secrets/],
    ['scheme: github\nsecrets: [a, b, c, d, e, f]', /secrets/],
    ['scheme: github\nsecrets: a\nalgorithm: sha512', /"algorithm" is for hmac, not for scheme "github"/],
    ['scheme: stripe\nsecrets: a\nidHeader: x', /"idHeader" is for github, standard, hmac/],
    ['scheme: hmac\nsecrets: a', /needs the "header"/],
    ['scheme: hmac\nsecrets: a\nheader: x\nalgorithm: sha1', /"sha1" is refused unless "allowSha1: true"/],
    ['scheme: hmac\nsecrets: a\nheader: x\nalgorithm: md5', /algorithm/],
    [
      'scheme: hmac\nsecrets: a\nheader: x\nsigned: "{timestamp}{body}"',
      /"signed": expected a character that is no digit/,
    ],
    ['scheme: hmac\nsecrets: a\nheader: x\nsigned: "{timestamp}.{body}"', /go together/],
    ['scheme: hmac\nsecrets: a\nheader: x\ntimestampHeader: t', /an unsigned time proves nothing/],
    ['scheme: hmac\nsecrets: a\nheader: x\nsigned: "{id}.{body}"', /needs an "idHeader"/],
    ['scheme: slack\nsecrets: a\ntolerance: 2d', /outside/],
    ['scheme: slack\nsecrets: a\nsecret: a', /unknown key "secret".*/],
  ])('does not say %j', (lines, problem) => {
    expect(load(lines).join('\n')).toMatch(problem)
  })
})
