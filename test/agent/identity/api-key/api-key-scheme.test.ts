import { createHash } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type ApiKeySettings, createApiKeyScheme } from '../../../../agent/identity/api-key/api-key-scheme.ts'
import { formatKey } from '../../../../agent/identity/api-key/key-format.ts'
import { writtenHash } from '../../../../agent/identity/api-key/key-hash.ts'
import type { Identity } from '../../../../agent/identity/identity.ts'
import { reasons } from '../../../../agent/identity/reasons.ts'
import { apiKeyProvider } from '../../../../agent/config/providers/api-key.ts'
import { tempFolder } from '../../../support/folder.ts'
import { keptLog } from '../../secrets/support.ts'
import { evidenceOf, headersOf } from '../support/evidence.ts'

/** As strings of a request are: a character for each byte. */
const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'))

const NOW = Date.parse('2026-11-24T00:00:00Z')
const PEPPER = 'canary-pepper-3c363836cf4e16666669a25da280a186'
const KEY = formatKey('ht', 'k1', new Uint8Array(32).fill(7))

type Entry = Record<string, unknown>
const entryOf = (key: string, more: Entry = {}): Entry => ({
  id: 'k1',
  hash: writtenHash(key, undefined),
  owner: 'team',
  ...more,
})

/** A scheme over a file of these entries, or of this text; undefined: no file. */
async function schemeOf(entries: readonly Entry[] | string | undefined, settings: Partial<ApiKeySettings> = {}) {
  const file = join(tempFolder(), 'keys')
  const write = (content: readonly Entry[] | string): void => {
    const text = typeof content === 'string' ? content : content.map((entry) => JSON.stringify(entry)).join('\n')
    writeFileSync(`${file}.next`, text === '' ? '[]' : text)
    renameSync(`${file}.next`, file)
  }
  if (entries !== undefined) write(entries)
  const log = keptLog()
  const clock = { now: NOW }
  const scheme = createApiKeyScheme(
    'partners',
    { ...apiKeyProvider.parse({ kind: 'api_key', file }), ...settings },
    { now: () => clock.now, monotonicMs: () => clock.now, log },
    { pollMs: 5 },
  )
  onTestFinished(() => scheme.close?.())
  scheme.start?.()
  await vi.waitFor(() => {
    const { fetches } = scheme.status!()
    expect(fetches.ok + fetches.failed).toBeGreaterThan(0)
    if (settings.pepper !== undefined && 'value' in settings.pepper) expect(scheme.ready!()).toBe(true)
  })
  const ask = (key: string) => {
    const result = scheme.authenticate(key, evidenceOf())
    if (result instanceof Promise) throw new Error('a key needs no waiting')
    return result
  }
  const reason = (key: string): string => {
    const result = ask(key)
    return result.ok ? 'ok' : result.reason
  }
  const identity = (key: string): Identity => {
    const result = ask(key)
    if (!result.ok) throw new Error(result.reason)
    return result.identity
  }
  return { scheme, log, clock, write, ask, reason, identity }
}

describe('API keys', () => {
  it('prove their owner', async () => {
    const entry = entryOf(KEY, { tenant: 'acme', roles: ['reader'], scopes: ['a:b'], expires: '2026-12-31T12:00:00Z' })
    const { identity } = await schemeOf([entry])
    expect(identity(KEY)).toEqual({
      provider: 'partners',
      method: 'api_key',
      issuer: 'partners',
      subject: 'team',
      tenant: 'acme',
      roles: ['reader'],
      scopes: ['a:b'],
      claims: { id: 'k1' },
      expiresAt: Date.parse('2026-12-31T12:00:00Z') / 1000,
      issuedAt: undefined,
      credentialId: 'k1',
      session: '',
      digest: createHash('sha256').update(KEY).digest('base64url'),
      confirmation: undefined,
      variables: {},
    })
    expect(identity(KEY)).toBe(identity(KEY))
    expect(Object.isFrozen(identity(KEY))).toBe(true)
  })

  it('never expire when nothing is said', async () => {
    const { identity } = await schemeOf([entryOf(KEY)])
    expect(identity(KEY).expiresAt).toBe(Infinity)
  })

  it('expire at their moment, asked anew at every request', async () => {
    const { reason, clock } = await schemeOf([entryOf(KEY, { expires: '2026-11-25' })])
    clock.now = Date.parse('2026-11-25T00:00:00Z') - 1
    expect(reason(KEY)).toBe('ok')
    clock.now++
    expect(reason(KEY)).toBe('expired')
  })

  it('that are disabled are revoked, that nobody knows inactive, that are badly copied malformed', async () => {
    const other = formatKey('ht', 'k2')
    const { reason } = await schemeOf([entryOf(KEY, { disabled: true, expires: '2020-01-01' })])
    expect(reason(KEY)).toBe('revoked')
    expect(reason(other)).toBe('inactive')
    expect(reason(other.slice(0, -1))).toBe('malformed_token')
    expect(reason('')).toBe('malformed_token')
  })

  it('cannot be judged while the file could never be read: 503, and not ready', async () => {
    const { scheme, reason, write } = await schemeOf(undefined)
    expect(reason(KEY)).toBe('secrets_unavailable')
    expect(reasons.secrets_unavailable.status).toBe(503)
    expect(scheme.ready!()).toBe(false)
    expect(scheme.status!()).toMatchObject({ keys: 0, ageS: null, stale: false, lastError: 'cannot be read (ENOENT)' })
    write([entryOf(KEY)])
    await vi.waitFor(() => expect(reason(KEY)).toBe('ok'))
    expect(scheme.ready!()).toBe(true)
    expect(scheme.status!()).toMatchObject({ provider: 'partners', keys: 1, stale: false })
    expect(scheme.status!()).not.toHaveProperty('lastError')
  })

  it('do not keep the process from being ready where they are not required', async () => {
    const { scheme } = await schemeOf(undefined, { required: false })
    expect(scheme.ready!()).toBe(true)
  })

  it('come and go with the file, without a restart', async () => {
    const second = formatKey('ht', 'k2')
    const { reason, write } = await schemeOf([entryOf(KEY)])
    write([entryOf(KEY, { disabled: true }), entryOf(second, { id: 'k2' })])
    await vi.waitFor(() => expect(reason(second)).toBe('ok'))
    expect(reason(KEY)).toBe('revoked')
    write([])
    await vi.waitFor(() => expect(reason(second)).toBe('inactive'))
  })

  it('stay as they were when the file becomes wrong; the log and the status tell the line', async () => {
    const { scheme, reason, write, log } = await schemeOf([entryOf(KEY)])
    write(`- id: k1\n  hash: ${KEY}\n  owner: team`)
    await vi.waitFor(() => expect(scheme.status!().lastError).toContain('line 2: "hash"'))
    expect(reason(KEY)).toBe('ok')
    expect(scheme.status!()).toMatchObject({ keys: 1, stale: true })
    expect(log.lines).toHaveLength(1)
    expect(log.lines[0]).toContain('line 2')
    expect(log.lines[0]).not.toContain(KEY)
  })

  it('from elsewhere count only where the provider takes any form', async () => {
    const foreign = 'sk-live legacy/key==1'
    const entries = [entryOf(foreign)]
    expect((await schemeOf(entries)).reason(foreign)).toBe('malformed_token')
    const { reason } = await schemeOf(entries, { anyFormat: true })
    expect(reason(foreign)).toBe('ok')
    expect(reason(`${foreign} `)).toBe('inactive')
    for (const bad of ['', 'a\u0000b', 'sk-live\n', 'schlüssel', '\u0173k-live legacy/key==1']) {
      expect(reason(bad)).toBe('malformed_token')
    }
  })

  it('may be hashed with a pepper, beside others that are not', async () => {
    const peppered = formatKey('ht', 'k2')
    const entries = [entryOf(KEY), { id: 'k2', hash: writtenHash(peppered, PEPPER), owner: 'other' }]
    const { identity, reason } = await schemeOf(entries, { pepper: { value: PEPPER } })
    expect(identity(KEY).subject).toBe('team')
    expect(identity(peppered)).toMatchObject({
      subject: 'other',
      digest: createHash('sha256').update(peppered).digest('base64url'),
    })
    expect(reason(formatKey('ht', 'k3'))).toBe('inactive')
    expect((await schemeOf(entries.slice(1), { pepper: { value: `${PEPPER}x` } })).reason(peppered)).toBe('inactive')
  })

  it('with a pepper that is not configured make the file wrong', async () => {
    const { scheme } = await schemeOf([{ id: 'a', hash: writtenHash(KEY, PEPPER), owner: 'o' }])
    expect(scheme.status!().lastError).toBe('line 1: "hash": "hmac-sha256:" needs a "pepper" in agent.yaml')
  })

  it('with a pepper that cannot be read cannot be judged, others can', async () => {
    const peppered = formatKey('ht', 'k2')
    const entries = [entryOf(KEY), { id: 'k2', hash: writtenHash(peppered, PEPPER), owner: 'other' }]
    const { scheme, reason } = await schemeOf(entries, { pepper: { file: join(tempFolder(), 'none') } })
    expect(reason(KEY)).toBe('ok')
    expect(reason(peppered)).toBe('secrets_unavailable')
    expect(scheme.ready!()).toBe(false)
    await vi.waitFor(() => expect(scheme.status!().lastError).toBe('cannot be read (ENOENT)'))
  })

  it('are a hash in another form than the one that the file names it by: a hash is no key', async () => {
    const { reason } = await schemeOf([entryOf(KEY)], { anyFormat: true })
    expect(reason(writtenHash(KEY, undefined))).toBe('inactive')
    expect(reason(writtenHash(KEY, undefined).slice(7))).toBe('inactive')
  })

  it('are recognised by their form, and leave signed tokens alone', async () => {
    const ours = (await schemeOf([])).scheme
    expect(ours.recognises(KEY)).toBe(true)
    expect(ours.recognises('ht_nonsense')).toBe(true)
    expect(ours.recognises('sk-live')).toBe(false)
    const any = (await schemeOf([], { anyFormat: true })).scheme
    expect(any.recognises('sk-live')).toBe(true)
    expect(any.recognises('eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln')).toBe(false)
  })

  it('lie where the provider says', async () => {
    const provider = apiKeyProvider.parse({
      kind: 'api_key',
      file: 'x',
      locations: [
        { in: 'header', name: 'X-Key' },
        { in: 'authorization', scheme: 'ApiKey' },
        { in: 'cookie', name: 'key' },
        { in: 'query', name: 'api_key' },
      ],
    })
    const { scheme } = await schemeOf([], { locations: provider.locations })
    expect(scheme.needs).toEqual({ headers: ['x-key', 'cookie'] })
    const evidences = [
      { headers: headersOf({ 'x-key': 'K' }) },
      { authorization: 'apikey K' },
      { headers: headersOf({ cookie: 'a=b; key=K' }) },
      { query: 'a=b&api_key=K' },
    ]
    for (const [i, parts] of evidences.entries()) {
      const read = scheme.locations.map((location) => location.read(evidenceOf(parts)))
      expect(read).toEqual([0, 1, 2, 3].map((place) => (place === i ? 'K' : undefined)))
    }
  })

  it('show nothing of themselves or of the pepper in results, status and log', async () => {
    const { scheme, ask, log, write } = await schemeOf([entryOf(KEY)], { pepper: { value: PEPPER } })
    write(`- ${KEY}`)
    await vi.waitFor(() => expect(scheme.status!().lastError).toBeDefined())
    const outputs = [inspect(ask(KEY), { depth: 9 }), JSON.stringify(scheme.status!()), log.lines.join()]
    outputs.push(inspect(scheme, { depth: 9, showHidden: true }))
    for (const output of outputs) {
      expect(output).not.toContain(KEY)
      expect(output).not.toContain(PEPPER)
    }
  })

  it('of any bytes are refused, never thrown at', async () => {
    const { reason, scheme } = await schemeOf([entryOf(KEY)], { anyFormat: true })
    fc.assert(
      fc.property(fc.oneof(anyBytes, fc.string()), (text) => {
        expect(['inactive', 'malformed_token']).toContain(reason(text))
        expect(typeof scheme.recognises(text)).toBe('boolean')
      }),
    )
  })
})
