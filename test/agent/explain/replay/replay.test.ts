import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { AuditDecision } from '../../../../agent/audit/decision.ts'
import { toOcsf } from '../../../../agent/audit/ocsf.ts'
import { recordBuilder, toEcs } from '../../../../agent/audit/record.ts'
import { parseConfig } from '../../../../agent/config/load.ts'
import { findRecord } from '../../../../agent/explain/replay/event.ts'
import { readHar, readLine } from '../../../../agent/explain/replay/read.ts'
import { OTHER, type RecordedRequest } from '../../../../agent/explain/replay/recorded.ts'
import { renderReplay } from '../../../../agent/explain/replay/render.ts'
import { replay, type ReplayOptions } from '../../../../agent/explain/replay/replay.ts'
import { identityOf } from '../../rules/support.ts'
import { tempFolder } from '../../../support/folder.ts'
import { configOf, explained, HEAD } from '../support.ts'

const AT = Date.parse('2026-11-24T08:00:00Z')

function decisionOf(
  over: Partial<AuditDecision['request']> = {},
  decision: Partial<AuditDecision['decision']> = {},
): AuditDecision {
  return {
    at: AT,
    request: {
      id: '6924A0C0-1',
      method: 'POST',
      host: 'api.example.com',
      path: '/orders/1',
      source: '192.0.2.1',
      tls: true,
      ...over,
    },
    decision: {
      allow: true,
      status: 200,
      reason: 'ok',
      rule: { name: 'orders' },
      identity: identityOf({ roles: ['buyer'], scopes: ['orders:write'], subject: 'a/b' }),
      ...decision,
    },
    cache: 'hit',
    keyAgeS: undefined,
    staleKeys: undefined,
    durationS: 0.000183,
    effect: undefined,
  }
}

const build = recordBuilder({ fields: [], redact: {}, pseudonymise: false }, { pseudonymise: false, key: undefined })
const whole = recordBuilder(
  { fields: ['identity.scopes'], redact: {}, pseudonymise: false },
  { pseudonymise: false, key: undefined },
)
const ecs = (decision: AuditDecision): string => JSON.stringify(toEcs(build(decision)))

const OPTIONS: ReplayOptions = { callers: 'records', examples: 2, timeoutMs: 3000, progress: () => {} }

function fileOf(lines: readonly string[], name = 'audit.jsonl'): string {
  const file = join(tempFolder(), name)
  const text = `${lines.join('\n')}\n`
  writeFileSync(file, name.endsWith('.gz') ? gzipSync(text) : text)
  return file
}

const ORDERS = `
  - { name: orders, match: { path: "/orders/**", when: '"buyer" in identity.roles' }, identity: { require: corp }, route: a }
  - { name: public, match: { path: "/public/**" }, identity: none }
`

it.each([
  ['ECS', toEcs],
  ['OCSF', toOcsf],
])('reads an %s record as the agent writes it', (format, shape) => {
  const read = readLine(JSON.stringify(shape(whole(decisionOf()))))
  expect(read).toMatchObject({
    format: `${format} audit record`,
    request: {
      id: '6924A0C0-1',
      at: AT,
      method: 'POST',
      host: 'api.example.com',
      path: '/orders/1',
      source: '192.0.2.1',
      tls: true,
    },
    outcome: { decision: 'allow', status: 200, reason: 'ok', rule: 'orders' },
    caller: { provider: 'corp', subject: 'a/b', tenant: 'acme', roles: ['buyer'], scopes: ['orders:write'] },
  })
  expect((read as RecordedRequest).unknown).not.toContain('identity.scopes')
  expect((read as RecordedRequest).unknown).toContain('identity.claims')
})

it.each([
  ['ECS', toEcs],
  ['OCSF', toOcsf],
])('reads of a denial in %s why the caller was refused', (_, shape) => {
  const denial = decisionOf(
    {},
    { allow: false, status: 401, reason: 'expired', identity: undefined, rule: { name: 'orders' } },
  )
  expect(readLine(JSON.stringify(shape(build(denial))))).toMatchObject({
    outcome: { decision: 'deny', status: 401, reason: 'expired', rule: 'orders' },
    caller: undefined,
  })
})

it("reads HAProxy's log, with what a syslog daemon puts in front", () => {
  const line = { request: '6924A0C2-3', client: '192.0.2.9', method: 'GET', path: '/p/ü', status: 404 }
  const decided = { ...line, decision: 'allow', reason: 'ok', rule: 'public', subject: '' }
  expect(readLine(`<134>Nov 24 08:00:02 edge haproxy[1]: ${JSON.stringify(decided)}`)).toMatchObject({
    format: 'log of HAProxy',
    request: { id: '6924A0C2-3', at: 0x6924a0c2 * 1000, method: 'GET', path: '/p/\u00c3\u00bc', source: '192.0.2.9' },
    outcome: { decision: 'allow', status: 200, rule: 'public' },
  })
  expect(readLine(JSON.stringify({ ...line, decision: '' }))).toBe(OTHER)
  expect(readLine('{"client":"1.2.3.4","method":"GET","status":308,"redirect":true}')).toBe(OTHER)
  for (const wrong of ['', 'garbage', '{"a":1}', '{"broken', '[]', '{}']) expect(readLine(wrong)).toBe('unparsable')
})

it('finds what a configuration changes, counts it, and shows examples', async () => {
  const lines = [
    ...[1, 2, 3].map((i) => ecs(decisionOf({ id: `id-${i}` }))),
    ecs(decisionOf({ path: '/public/x' }, { identity: undefined, rule: { name: 'public' } })),
    'garbage',
  ]
  for (const name of ['audit.jsonl', 'audit.jsonl.gz']) {
    const log = fileOf(lines, name)
    const changed = configOf(ORDERS.replace('"buyer"', '"admin"'))
    const result = await replay(configOf(ORDERS), changed, { ...OPTIONS, log })
    expect(result.summary).toMatchObject({ requests: 4, same: 1, changed: 3, unsure: 0, unparsable: 1 })
    expect(result.changes).toMatchObject([
      {
        count: 3,
        before: { rule: 'orders', decision: 'allow', route: 'a' },
        after: { rule: undefined, decision: 'deny', status: 403 },
        examples: [{ id: 'id-1', caller: 'corp/a/b' }, { id: 'id-2' }],
      },
    ])
    const text = renderReplay(result)
    expect(text).toContain('3      orders: allow to a')
    expect(text).toContain('POST api.example.com/orders/1 (corp/a/b, id-1)')
    expect(text).toContain('4 requests: 1 the same')
  }
})

it('says of a change that rests on what no record keeps that it cannot be told', async () => {
  const log = fileOf([ecs(decisionOf())])
  const claims = ORDERS.replace(`'"buyer" in identity.roles'`, `'identity.claims.plan == "gold"'`)
  const result = await replay(configOf(ORDERS), configOf(claims), { ...OPTIONS, log })
  expect(result.summary).toMatchObject({ changed: 0, unsure: 1, missing: { 'identity.claims': 1 } })
  const header = ORDERS.replace('match: { path: "/orders/**"', 'match: { header: { x-a: "1" }, path: "/orders/**"')
  const other = await replay(configOf(ORDERS), configOf(header), { ...OPTIONS, log })
  expect(other.summary).toMatchObject({ changed: 0, unsure: 1, missing: { 'request.headers': 1 } })
})

it('compares with what was recorded where there is no other configuration', async () => {
  const refused = decisionOf({}, { allow: false, status: 401, reason: 'expired', identity: undefined })
  const same = await replay(configOf(ORDERS), undefined, { ...OPTIONS, log: fileOf([ecs(decisionOf()), ecs(refused)]) })
  expect(same.summary).toMatchObject({ requests: 2, same: 2, changed: 0, unsure: 0 })
  const open = ORDERS.replace('identity: { require: corp }', 'identity: none').replace(/, when: '[^']*'/, '')
  const changed = await replay(configOf(open), undefined, {
    ...OPTIONS,
    log: fileOf([ecs(decisionOf()), ecs(refused)]),
  })
  expect(changed.changes).toMatchObject([{ before: { decision: 'deny', status: 401 }, after: { decision: 'allow' } }])
})

it('limits are not exceeded by traffic of an hour that comes in a second', async () => {
  const limited = ORDERS.replace('route: a', 'route: a, limit: { key: identity.subject, rate: 1/1h }')
  const log = fileOf(Array.from({ length: 20 }, (_, i) => ecs(decisionOf({ id: `${i}` }))))
  const result = await replay(configOf(ORDERS), configOf(limited), { ...OPTIONS, log })
  expect(result.summary).toMatchObject({ same: 20, changed: 0 })
})

it('a host that the log does not have is taken from the command line, or told to be missing', async () => {
  const line = JSON.stringify({
    request: '6924A0C2-3',
    client: '192.0.2.9',
    method: 'GET',
    path: '/public/a',
    status: 200,
    decision: 'allow',
    reason: 'ok',
    rule: 'public',
    subject: '',
  })
  const log = fileOf([line])
  const hosts = configOf(ORDERS.replace('path: "/public/**"', 'host: api.example.com, path: "/public/**"'))
  expect((await replay(configOf(ORDERS), hosts, { ...OPTIONS, log })).summary).toMatchObject({
    unsure: 1,
    missing: { 'request.host': 1 },
  })
  expect((await replay(configOf(ORDERS), hosts, { ...OPTIONS, log, host: 'api.example.com' })).summary).toMatchObject({
    same: 1,
    unsure: 0,
  })
})

it('an unread file is an error that names it', async () => {
  const log = join(tempFolder(), 'none.jsonl')
  await expect(replay(configOf(ORDERS), undefined, { ...OPTIONS, log })).rejects.toThrow(
    /cannot read .*none\.jsonl: ENOENT/,
  )
  const broken = join(tempFolder(), 'broken.gz')
  writeFileSync(broken, 'no gzip')
  await expect(replay(configOf(ORDERS), undefined, { ...OPTIONS, log: broken })).rejects.toThrow(
    /cannot read .*broken\.gz/,
  )
})

it('a line without an end does not fill the memory, and the lines behind it count', async () => {
  const log = fileOf([`{"a":"${'x'.repeat(3 << 20)}"}`, ecs(decisionOf())])
  const result = await replay(configOf(ORDERS), undefined, { ...OPTIONS, log })
  expect(result.summary).toMatchObject({ requests: 1, unparsable: 1 })
})

const SECRET = 'CANARY-token-0123456789abcdef'

function harOf(urls: readonly string[]): object {
  const entries = urls.map((url) => ({
    startedDateTime: '2026-11-24T08:00:00Z',
    request: {
      method: 'GET',
      url,
      httpVersion: 'HTTP/2',
      headers: [
        { name: ':authority', value: 'x' },
        { name: 'Authorization', value: `Bearer ${SECRET}` },
        { name: 'X-Text', value: 'brackets ] } "and quotes' },
      ],
      queryString: [],
    },
    response: { status: 200, content: { text: `{"entries":[1,2,"${SECRET}"]}` } },
  }))
  return { log: { version: '1.2', pages: [{ entries: 'none' }], entries, comment: '{' } }
}

it('replays a HAR with the credentials that it holds, and prints none', async () => {
  const folder = tempFolder()
  const har = join(folder, 'traffic.har')
  writeFileSync(
    har,
    JSON.stringify(harOf(['https://x.example.com/orders/1', `https://x.example.com/orders/${SECRET}`, 'data:,x'])),
  )
  const open = configOf(ORDERS.replace('identity: { require: corp }', 'identity: none').replace(/, when: '[^']*'/, ''))
  const result = await replay(configOf(ORDERS), open, { ...OPTIONS, callers: 'credentials', har })
  expect(result.summary).toMatchObject({ requests: 2, changed: 2, unparsable: 1 })
  // The credential was looked at: without one the reason would be another.
  expect(result.changes).toMatchObject([
    { before: { status: 400, reason: 'malformed_token' }, after: { decision: 'allow' } },
  ])
  expect(renderReplay(result) + JSON.stringify(result)).not.toContain('CANARY')
})

it('reads a HAR piece by piece, wherever the pieces end', async () => {
  const urls = Array.from({ length: 2000 }, (_, i) => `https://x.example.com/${i}`)
  const har = join(tempFolder(), 'long.har.gz')
  // Longer than several reads of the file.
  writeFileSync(har, gzipSync(JSON.stringify(harOf(urls), undefined, 1)))
  const paths: string[] = []
  for await (const read of readHar(har)) if (typeof read === 'object') paths.push(read.request.path)
  expect(paths).toEqual(urls.map((_, i) => `/${i}`))
})

it('finds a request of the past by its id or that of its event, and says what is missing', async () => {
  const log = fileOf([ecs(decisionOf({ id: 'other' })), ecs(decisionOf())])
  const record = await findRecord(log, 'orders/6924A0C0-1')
  expect(await findRecord(log, '6924A0C0-1')).toEqual(record)
  const loaded = parseConfig('agent.yaml', `${HEAD}rules:\n${ORDERS}`, {})
  const { explain } = await import('../../../../agent/explain/explain.ts')
  const { explanation } = await explain(loaded, record.request, { record, timeoutMs: 3000, progress: () => {} })
  expect(explanation).toMatchObject({
    decision: 'allow',
    rule: 'orders',
    caller: { state: 'recorded', subject: 'a/b' },
  })
  expect(explanation.notes).toEqual(['The record has all that this decision rests on.'])
  await expect(findRecord(log, 'nothing')).rejects.toThrow(/has no request nothing/)
  // And the same of a request that is given as a whole.
  expect((await explained(ORDERS, 'POST https://api.example.com/orders/1')).reason).toBe('no_credentials')
})
