import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldNames } from '../../../agent/audit/fields.ts'
import { toOcsf } from '../../../agent/audit/ocsf.ts'
import { recordBuilder, toEcs } from '../../../agent/audit/record.ts'
import { scrub } from '../../../agent/audit/scrub.ts'
import { audit } from '../../../agent/config/audit.ts'
import { actorPseudonym, PseudonymKey } from '../../../agent/identity/pseudonym.ts'
import { Secret } from '../../../agent/secrets/secret.ts'
import { VERSION } from '../../../agent/version.ts'
import { decision, DIGEST, identity, PEPPER, refusal, settings } from './support/decision.ts'

const key = new PseudonymKey('k1', { current: new Secret(PEPPER) })
const PSEUDONYMS = { secret: PEPPER }
const ALL_OPTIONAL = [
  'user.name',
  'user.full_name',
  'user.email',
  'identity.session',
  'identity.scopes',
  'temporal.workflow_id',
]

function ecs(config: object = {}, of = decision()): Record<string, unknown> {
  const parsed = settings(config)
  const context = { pseudonymise: parsed.pseudonymise, key: parsed.pseudonyms === undefined ? undefined : key }
  return toEcs(recordBuilder(parsed, context)(of))
}

describe('an audit record', () => {
  it('of an allow has these fields by default', () => {
    expect(ecs()).toEqual({
      '@timestamp': '2026-11-24T08:00:00.000Z',
      ecs: { version: '8.17.0' },
      event: {
        kind: 'event',
        category: ['authentication', 'api'],
        type: ['allowed'],
        action: 'request-decision',
        dataset: 'haproxy_temporal.audit',
        outcome: 'success',
        reason: 'ok',
        id: 'R-1',
        duration: 183_000,
      },
      service: { name: 'haproxy-temporal', version: VERSION },
      user: { id: 'okta/00u1', roles: ['ops', 'dev'] },
      organization: { id: 'acme' },
      client: { ip: '192.0.2.1' },
      http: { request: { id: 'R-1', method: 'POST' } },
      url: { domain: 'api.example.com', path: '/v1/x' },
      tls: { established: true },
      rule: { id: 'deploy-ops' },
      identity: {
        provider: 'okta',
        method: 'jwt',
        issuer: 'https://okta.example',
        jti: 'jti-1',
        bound: 'x5t',
        cache: 'hit',
        expires_in_s: 540,
        alg: 'RS256',
        kid: '2026-11',
        age_s: 60,
        key_age_s: 120,
        stale_keys: false,
      },
      temporal: { action: 'signal', event_id: 'deploy-ops/R-1' },
    })
  })

  it('of a denial tells the reason and the status, and of the caller nothing that was not proven', () => {
    const record = ecs({}, refusal())
    expect(record).toMatchObject({
      event: { type: ['denied'], outcome: 'failure', reason: 'audience_mismatch', category: ['authentication', 'api'] },
      http: { response: { status_code: 401 } },
      identity: { cache: 'miss' },
    })
    expect(record).not.toHaveProperty('user')
    expect(Object.keys(record['identity'] as object)).toEqual(['cache'])
  })

  it('of a request where nobody has to be known is no authentication', () => {
    const open = decision({
      cache: undefined,
      effect: undefined,
      decision: { allow: true, status: 200, reason: 'ok', rule: undefined, identity: undefined },
    })
    expect(ecs({}, open)).toMatchObject({ event: { category: ['api'] } })
    expect(ecs({}, open)).not.toHaveProperty('rule')
  })

  it('of a certificate has its SHA-256 as certificates are looked up by', () => {
    const of = (method: 'certificate' | 'jwt') =>
      ecs({}, decision({ decision: { ...decision().decision, identity: identity({ method }) } }))
    expect(of('certificate')).toMatchObject({ tls: { client: { hash: { sha256: 'AB'.repeat(32) } } } })
    expect(of('jwt')['tls']).toEqual({ established: true })
  })

  it.each([
    ['is as long as it may be', 'k'.repeat(256), 'k'.repeat(256)],
    ['is too long', 'k'.repeat(257), undefined],
    ['is too long in bytes', 'é'.repeat(129), undefined],
    ['is empty', '', undefined],
    ['holds a line', 'a\nb', undefined],
    ['holds an escape', 'a\u001b[31m', undefined],
    ['is not there', undefined, undefined],
    ['looks like a token', 'eyJhbGciOiJSUzI1NiJ9', '[redacted]'],
  ])('of a key whose id %s tells it only where it is a safe text', (_, keyId, told) => {
    const record = ecs({}, decision({ decision: { ...decision().decision, identity: identity({ keyId }) } }))
    expect((record['identity'] as { kid?: string }).kid).toBe(told)
  })

  it('of a credential without a date and without a signature tells neither', () => {
    const known = { issuedAt: undefined, algorithm: undefined, keyId: undefined }
    const { identity: told } = ecs({}, decision({ decision: { ...decision().decision, identity: identity(known) } }))
    expect(Object.keys(told as object).filter((name) => ['age_s', 'alg', 'kid'].includes(name))).toEqual([])
  })

  it('tells names, addresses, sessions and workflows only where it is asked to', () => {
    expect(JSON.stringify(ecs())).not.toMatch(/ann|Ann|sid-1|orders:write|deploy-ops\/00u1/)
    expect(ecs({ fields: ALL_OPTIONAL })).toMatchObject({
      user: { name: 'ann', full_name: 'Ann Example', email: 'ann@example.com' },
      identity: { session: 'sid-1', scopes: ['orders:write'] },
      temporal: { workflow_id: 'deploy-ops/00u1' },
    })
  })

  it('names nobody with pseudonymise, and the pseudonym is that of the search attributes', () => {
    const record = ecs({ pseudonymise: true, pseudonyms: PSEUDONYMS })
    expect(record['user']).toEqual({ hash: actorPseudonym(key, 'okta', '00u1'), roles: ['ops', 'dev'] })
    expect(JSON.stringify(record)).not.toContain('00u1')
  })

  it('names nobody either while the key cannot be read', () => {
    const parsed = settings({ pseudonymise: true, pseudonyms: PSEUDONYMS, redact: { 'url.path': 'hash' } })
    const without = new PseudonymKey('k1', { current: undefined })
    const record = toEcs(recordBuilder(parsed, { pseudonymise: true, key: without })(decision()))
    expect(record).toMatchObject({ user: { roles: ['ops', 'dev'] }, url: { domain: 'api.example.com' } })
    expect(JSON.stringify(record)).not.toMatch(/00u1|v1/)
  })

  it('drops and hashes what it is told to; a hashed address is no address', () => {
    const redact = { 'url.path': 'drop', 'client.ip': 'hash', 'user.id': 'hash', 'user.roles': 'hash' }
    const record = ecs({ redact, pseudonyms: PSEUDONYMS })
    const hash = expect.stringMatching(/^k1\.[\w-]{22}$/)
    expect(record['url']).toEqual({ domain: 'api.example.com' })
    expect(record['client']).toEqual({ address: hash })
    expect(record['user']).toEqual({ id: hash, roles: [hash, hash] })
    expect(ecs({ redact, pseudonyms: PSEUDONYMS })).toEqual(record)
  })

  it('tells the same credential by a keyed hash, never by the digest itself', () => {
    const record = ecs({ pseudonyms: PSEUDONYMS })
    expect(record).toMatchObject({ identity: { token_fp: expect.stringMatching(/^k1\./) } })
    expect(JSON.stringify(record)).not.toContain(DIGEST)
  })

  it('says nothing of an expiry that never comes', () => {
    const forever = identity({ expiresAt: Number.POSITIVE_INFINITY })
    const record = ecs({}, decision({ decision: { ...decision().decision, identity: forever } }))
    expect(record['identity']).not.toHaveProperty('expires_in_s')
  })
})

describe('settings of the audit', () => {
  it.each([
    [{ pseudonymise: true }, 'need "pseudonyms"'],
    [{ redact: { 'url.path': 'hash' } }, 'need "pseudonyms"'],
    [{ pseudonymise: true, pseudonyms: PSEUDONYMS, fields: ['user.email'] }, 'which names the caller'],
    [{ pseudonyms: { secret: 'short' } }, 'at least 16'],
    [{ fields: ['user.id'] }, 'Invalid option'],
    [{ redact: { 'event.id': 'drop' } }, 'Unrecognized key'],
    [{ deny: 'none' }, 'denials are always written'],
    [{ allow: 2 }, 'expected all, none, or a share'],
    [{ allow: 0 }, 'expected all, none, or a share'],
    [{ to: '/var/log/audit' }, 'expected stdout or'],
  ])('%j are refused', (value, message) => {
    const { error } = audit.safeParse({ to: 'stdout', ...value })
    expect(error?.issues.map((issue) => issue.message).join('; ')).toContain(message)
  })
})

describe('an OCSF event', () => {
  const ocsf = (of = decision(), config: object = {}) => {
    const parsed = settings(config)
    return toOcsf(recordBuilder(parsed, { pseudonymise: parsed.pseudonymise, key })(of))
  }

  it('is API Activity, with everything the record has', () => {
    expect(ocsf(decision(), { fields: ALL_OPTIONAL })).toEqual({
      category_uid: 6,
      class_uid: 6003,
      type_uid: 600_301,
      activity_id: 1,
      severity_id: 1,
      time: Date.parse('2026-11-24T08:00:00Z'),
      duration: 0,
      status_id: 1,
      status_detail: 'ok',
      action_id: 1,
      disposition_id: 1,
      metadata: {
        version: '1.5.0',
        profiles: ['security_control'],
        uid: 'R-1',
        product: { name: 'haproxy-temporal', vendor_name: 'haproxy-temporal', version: VERSION },
      },
      actor: {
        user: {
          uid: 'okta/00u1',
          type_id: 0,
          name: 'ann',
          full_name: 'Ann Example',
          email_addr: 'ann@example.com',
          groups: [{ name: 'ops' }, { name: 'dev' }],
          org: { uid: 'acme' },
        },
        session: {
          uid: 'sid-1',
          credential_uid: 'jti-1',
          issuer: 'https://okta.example',
          created_time: Date.parse('2026-11-24T07:59:00Z'),
          expiration_time: Date.parse('2026-11-24T08:09:00Z'),
        },
        authorizations: [{ decision: 'allow', policy: { name: 'deploy-ops' } }],
      },
      api: { operation: 'POST', request: { uid: 'R-1' }, service: { name: 'api.example.com' } },
      src_endpoint: { ip: '192.0.2.1' },
      dst_endpoint: { hostname: 'api.example.com' },
      http_request: { uid: 'R-1', http_method: 'POST', url: { hostname: 'api.example.com', path: '/v1/x' } },
      unmapped: {
        'identity.provider': 'okta',
        'identity.method': 'jwt',
        'identity.scopes': ['orders:write'],
        'identity.token_fp': expect.stringMatching(/^k1\./),
        'identity.bound': 'x5t',
        'identity.cache': 'hit',
        'identity.alg': 'RS256',
        'identity.kid': '2026-11',
        'identity.key_age_s': 120,
        'identity.stale_keys': false,
        'tls.established': true,
        'temporal.action': 'signal',
        'temporal.event_id': 'deploy-ops/R-1',
        'temporal.workflow_id': 'deploy-ops/00u1',
      },
    })
  })

  it('of a denial has what the class requires, although nobody is known', () => {
    expect(ocsf(refusal())).toMatchObject({
      status_id: 2,
      status_code: '401',
      status_detail: 'audience_mismatch',
      severity_id: 2,
      action_id: 2,
      disposition_id: 2,
      actor: { user: { uid: 'unknown' }, authorizations: [{ decision: 'deny' }] },
      api: { operation: 'POST' },
      src_endpoint: { ip: '192.0.2.1' },
    })
  })

  it.each([
    ['GET', 2],
    ['HEAD', 2],
    ['PUT', 3],
    ['PATCH', 3],
    ['DELETE', 4],
    ['BREW', 99],
  ])('of %s has activity %i', (method, activity) => {
    const event = ocsf(decision({ request: { ...decision().request, method } }))
    expect(event).toMatchObject({ activity_id: activity, type_uid: 600_300 + activity })
    expect(event['activity_name']).toBe(activity === 99 ? method : undefined)
  })
})

describe('no credential gets into a record', () => {
  // Every place of a request that may hold one, and a rule that asks for every field there is.
  const canary = fc.stringMatching(/^[A-Za-z0-9]{24}$/).map((text) => `cAnArY${text}`)
  const shape = fc.constantFrom<(secret: string) => string>(
    (secret) => `eyJhbGciOiJSUzI1NiJ9.eyJ${secret}.${secret}`,
    (secret) => `eyJ${secret}..${secret}.${secret}.x`,
    (secret) => `token=eyJ${secret}.${secret}`,
    (secret) => `prefix.eyJ${secret}`,
    (secret) => `whsec_${secret}==`,
    (secret) => `k8s-aws-v1.${secret}`,
    (secret) => `X-Amz-Signature=${secret}&x`,
    (secret) => `x-amz-security-token=${secret}`,
  )

  it('from headers, cookies, query and body, which a record cannot even be given', () => {
    fc.assert(
      fc.property(fc.array(canary, { minLength: 6, maxLength: 6 }), (secrets) => {
        const [authorization, cookie, query, body, header, certificate] = secrets
        const request = { ...decision().request, authorization, cookie, query, body, headers: { header }, certificate }
        const claims = { access_token: secrets[0], at_hash: secrets[1], nonce: secrets[2] }
        const of = decision({ request, decision: { ...decision().decision, identity: identity({ claims }) } })
        const config = { fields: ALL_OPTIONAL, pseudonyms: PSEUDONYMS }
        const parsed = settings(config)
        const record = recordBuilder(parsed, { pseudonymise: false, key })(of)
        const written = JSON.stringify([toEcs(record), toOcsf(record)])
        for (const secret of secrets) expect(written).not.toContain(secret)
      }),
    )
  })

  it('from id, method, host and path, whatever shape it has there', () => {
    const place = fc.constantFrom('id', 'method', 'host', 'path')
    fc.assert(
      fc.property(canary, shape, place, (secret, write, name) => {
        const request = { ...decision().request, [name]: `/a/${write(secret)}/b` }
        for (const pseudonyms of [undefined, PSEUDONYMS]) {
          expect(JSON.stringify(ecs({ pseudonyms }, decision({ request })))).not.toContain('cAnArY')
        }
      }),
    )
  })

  it('from claims that are put into a record', () => {
    fc.assert(
      fc.property(canary, shape, (secret, write) => {
        const text = write(secret)
        const who = identity({ claims: { preferred_username: text, name: text, email: text } })
        const record = ecs({ fields: ALL_OPTIONAL }, decision({ decision: { ...decision().decision, identity: who } }))
        expect(JSON.stringify(record)).not.toContain('cAnArY')
      }),
    )
  })

  it('nor the secret of the pseudonyms', () => {
    expect(JSON.stringify(ecs({ pseudonymise: true, pseudonyms: PSEUDONYMS }))).not.toContain(PEPPER)
  })
})

describe('texts of the request', () => {
  it('are cut', () => {
    expect(scrub('a'.repeat(2000), 1024)).toBe(`${'a'.repeat(1024)}…`)
  })

  it('stay as they are where nothing looks like a credential', () => {
    for (const text of ['/orders/42', '/eyJ/x', '/a.b-c_d/é', '/keyJ', '']) expect(scrub(text, 1024)).toBe(text)
  })

  it('that are made to be searched long are searched in linear time', () => {
    // Quadratic, these would take minutes.
    for (const unit of ['eyJ', 'eyJa.', 'X-Amz-', 'whsec', 'a', '.', 'eyJ/']) scrub(unit.repeat(300_000), 1024)
  })
})

it('a record has no field that the list of fields does not have', () => {
  const flat = recordBuilder(settings({ fields: ALL_OPTIONAL }), { pseudonymise: false, key })(decision())
  const known = new Set<string>([...fieldNames, 'client.address'])
  expect(Object.keys(flat).filter((name) => !known.has(name))).toEqual([])
})
