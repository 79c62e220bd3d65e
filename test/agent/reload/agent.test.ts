import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startAgent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { waitUntil } from '../../../agent/dev/process.ts'
import { json, startJwksServer } from '../identity/support/jwks-server.ts'
import { signToken, testKey } from '../identity/support/tokens.ts'
import { tempFolder } from '../../support/folder.ts'
import { running } from './support/running.ts'

// Real threads and sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const OPEN = 'rules: [{ name: open, match: { path: "/**" }, identity: none, set: { v: "1" } }]'
const CLOSED = 'rules: [{ name: closed, match: { path: "/**" }, deny: 404 }]'
const BROKEN = 'rules:\n  - { name: open, match: { path: "/**", wen: "true" }, identity: none }'

describe('a reload', () => {
  it('puts the rules of the file in force, and counters go on by name', async () => {
    const { agent, write, ask, page, lines } = await running(OPEN)
    expect(await ask('/a')).toMatchObject({ decision: 'allow', rule: 'open' })
    write(CLOSED)
    expect(await agent.reload('signal')).toMatchObject({ ok: true, generation: 2, replaced: true })
    expect(await ask('/a')).toMatchObject({ decision: 'deny', rule: 'closed', status: 404 })
    write(OPEN.replace('name: open', 'name: first').replace('}]', '}, { name: open, identity: none }]'))
    await agent.reload('file')
    write(OPEN)
    expect(await agent.reload('admin')).toMatchObject({
      generation: 4,
      changes: { rules: { removed: ['first'], changed: ['open'] } },
    })
    expect(await ask('/a')).toMatchObject({ rule: 'open' })
    const metrics = await page('/metrics')
    expect(metrics).toContain('decisions_total{rule="open",reason="ok"} 2')
    expect(metrics).toContain('decisions_total{rule="closed",reason="policy_denied"} 1')
    expect(metrics).toContain('config_generation 4')
    expect(metrics).toContain('config_reloads_total{result="ok"} 3')
    expect(metrics).toContain('events_received_total{rule="first"} 0')
    expect(lines.at(-1)).toMatchObject({ generation: 4, trigger: 'admin', msg: expect.stringContaining('is in force') })
  })

  it('of a broken file changes nothing and names every problem', async () => {
    const { agent, write, ask, page, lines } = await running(OPEN)
    write(BROKEN)
    const result = await agent.reload('signal')
    expect(result).toMatchObject({ ok: false, cause: 'invalid', generation: 1 })
    expect(result.ok || result.problems).toMatchObject(
      [{ code: 'CONFIG_UNKNOWN_KEY', file: 'agent.yaml', line: 7, column: expect.any(Number), hint: /when/ }].map(
        (problem) => ({ ...problem, hint: expect.stringMatching(problem.hint) }),
      ),
    )
    expect(await ask('/a')).toMatchObject({ decision: 'allow', rule: 'open' })
    expect(await page('/metrics')).toContain('config_last_reload_success 0')
    expect(JSON.parse(await page('/status'))).toMatchObject({
      config: { generation: 1, last: { trigger: 'signal', ok: false, problems: [{ code: 'CONFIG_UNKNOWN_KEY' }] } },
    })
    expect(lines.at(-1)).toMatchObject({ level: 50, msg: expect.stringContaining('agent.yaml:7:') })
  })

  it('that fails after the rules were compiled changes nothing either', async () => {
    const { agent, write, ask, lines } = await running(OPEN)
    write(`actor: { pseudonyms: { keyId: k1, secret: { file: /nowhere/secret } } }\n${CLOSED}`)
    expect(await agent.reload('signal')).toMatchObject({
      ok: false,
      problems: [{ code: 'CONFIG_FILE_MISSING', message: expect.stringContaining('actor.pseudonyms.secret') }],
    })
    expect(await ask('/a')).toMatchObject({ rule: 'open' })
    expect(agent.config()).toMatchObject({ generation: 1, reloads: { failed: 1 } })
    expect(JSON.stringify(lines)).not.toContain('in force: undefined')
  })

  it('of the same text replaces nothing', async () => {
    const { agent, write } = await running(OPEN)
    write(CLOSED)
    write(OPEN)
    expect(await agent.reload('file')).toMatchObject({ ok: true, replaced: false, generation: 1 })
  })

  it('applies what it can, and names the keys that need a restart, not their values', async () => {
    const { agent, write, ask, page, lines } = await running(OPEN)
    write(`queue: { maxEvents: 77 }\nlog: { level: warn }\n${CLOSED}`)
    expect(await agent.reload('admin')).toMatchObject({ ok: true, pendingRestart: ['queue.maxEvents'] })
    expect(await ask('/a')).toMatchObject({ rule: 'closed' })
    expect(JSON.parse(await page('/status'))).toMatchObject({ config: { pendingRestart: ['queue.maxEvents'] } })
    expect(lines.at(-1)).toMatchObject({ level: 40, msg: 'these keys need a restart: queue.maxEvents' })
    // The level of the log is in force already.
    write(CLOSED.replace('404', '403') + '\nlog: { level: warn }')
    const before = lines.length
    expect(await agent.reload('admin')).toMatchObject({ ok: true, pendingRestart: [] })
    expect(lines.length).toBe(before)
  })

  it('runs once at a time: calls meanwhile share the next one, which reads what came last', async () => {
    const { agent, write, ask } = await running(OPEN)
    write(CLOSED)
    const first = agent.reload('signal')
    const second = agent.reload('signal')
    const third = agent.reload('admin')
    write(OPEN.replace('name: open', 'name: last'))
    expect(second).toBe(third)
    expect(await first).toMatchObject({ ok: true })
    expect(await second).toMatchObject({ ok: true })
    expect(await ask('/a')).toMatchObject({ rule: 'last' })
  })

  it('begins and ends audit records, each generation to its own file', async () => {
    const { agent, write, ask, folder, page } = await running(OPEN)
    write(`audit: { to: { file: "\${FOLDER}/audit.log" } }\n${OPEN}`)
    expect(await agent.reload('admin')).toMatchObject({ ok: true, changes: { sections: ['audit'] } })
    await ask('/a')
    const read = (): string => readFileSync(join(folder, 'audit.log'), 'utf8')
    await waitUntil('the record', async () => (await page('/metrics')).includes('audit_records_total 1'))
    write(CLOSED)
    await agent.reload('admin')
    await ask('/b')
    await agent.stop()
    expect(read().trim().split('\n')).toHaveLength(1)
  })
})

const provider = (issuer: string, more = ''): string =>
  `corp: { issuer: "${issuer}", audience: api, jwksUri: "${issuer}/jwks"${more} }`
const withProviders = (...providers: readonly string[]): string =>
  `identity: { providers: { ${providers.join(', ')} } }\nrules: [{ name: own, match: { path: "/own/**" }, identity: { require: corp } }]`

async function issuer() {
  const key = testKey('ES256')
  const server = await startJwksServer()
  onTestFinished(() => server[Symbol.asyncDispose]())
  server.publish([key.jwk])
  const now = Math.floor(Date.now() / 1000)
  const token = (sub: string) =>
    signToken(key, { iss: server.issuer, aud: 'api', sub, iat: now, exp: now + 600 }, { typ: 'at+jwt' })
  return { server, key, token }
}

describe('what proves callers', () => {
  it('goes on with all it knows when only rules change', async () => {
    const { server, token } = await issuer()
    const { agent, write, ask } = await running(withProviders(provider(server.issuer)))
    const shown = token('ann')
    expect(await ask('/own/a', shown)).toMatchObject({ decision: 'allow', subject: 'ann' })
    const fetches = server.requests.length
    write(withProviders(provider(server.issuer)).replace('name: own', 'name: renamed'))
    expect(await agent.reload('signal')).toMatchObject({ ok: true, generation: 2 })
    expect(await ask('/own/a', shown)).toMatchObject({ decision: 'allow', rule: 'renamed' })
    expect(server.requests.length).toBe(fetches)
  })

  it('is warm before requests meet it', async () => {
    const [one, other] = [await issuer(), await issuer()]
    const { agent, write, ask } = await running(withProviders(provider(one.server.issuer)))
    await ask('/own/a', one.token('ann'))
    write(withProviders(provider(other.server.issuer)))
    expect(await agent.reload('signal')).toMatchObject({ ok: true, changes: { providers: { changed: ['corp'] } } })
    expect(other.server.requests).toContain('/jwks')
    expect(await ask('/own/a', other.token('bob'))).toMatchObject({ decision: 'allow', subject: 'bob' })
    expect(await ask('/own/a', one.token('ann'))).toMatchObject({ decision: 'deny', reason: 'unknown_issuer' })
  })

  it('refuses what a verdict revokes, though the token is cached, and in the next configuration too', async () => {
    const { server, token } = await issuer()
    const { agent, write, ask, page } = await running(withProviders(provider(server.issuer)))
    const shown = token('ann')
    for (let i = 0; i < 2; i++) expect(await ask('/own/a', shown)).toMatchObject({ decision: 'allow', subject: 'ann' })
    const ann = { scope: 'subject', provider: 'corp', key: 'ann' } as const
    expect(agent.verdicts.put({ ...ann, revoke: true, expiresAt: Date.now() + 600_000 })).toBe('kept')
    expect(await ask('/own/a', shown)).toMatchObject({ decision: 'deny', status: 401, reason: 'revoked' })
    expect(await ask('/own/a', token('bob'))).toMatchObject({ decision: 'allow', subject: 'bob' })
    write(withProviders(provider(server.issuer, ', clockSkew: 7s')))
    expect(await agent.reload('signal')).toMatchObject({ ok: true, generation: 2 })
    expect(await ask('/own/a', shown)).toMatchObject({ decision: 'deny', reason: 'revoked' })
    expect(await page('/metrics')).toContain('revocation_entries{source="workflow"} 1')
    expect(agent.verdicts.remove(ann)).toBe('kept')
    expect(await ask('/own/a', shown)).toMatchObject({ decision: 'allow', subject: 'ann' })
  })

  it('stays where a required provider of the new file has no keys; a reload works when it has', async () => {
    const [one, other] = [await issuer(), await issuer()]
    other.server.answer('/jwks', (_, response) => response.writeHead(503).end())
    const { agent, write, ask } = await running(withProviders(provider(one.server.issuer)))
    await ask('/own/a', one.token('ann'))
    write(withProviders(provider(other.server.issuer)))
    expect(await agent.reload('signal')).toMatchObject({
      ok: false,
      cause: 'not_ready',
      problems: [{ code: 'RELOAD_PROVIDER_NOT_READY', message: expect.stringContaining('"corp"') }],
    })
    expect(await ask('/own/a', one.token('cid'))).toMatchObject({ decision: 'allow', subject: 'cid' })
    other.server.answer('/jwks', json({ keys: [other.key.jwk] }))
    expect(await agent.reload('signal')).toMatchObject({ ok: true, generation: 2 })
    expect(await ask('/own/a', other.token('bob'))).toMatchObject({ decision: 'allow', subject: 'bob' })
  })

  it('need not be ready where it is not required, or was away before', async () => {
    const { server } = await issuer()
    server.answer('/jwks', (_, response) => response.writeHead(503).end())
    const { agent, write } = await running(withProviders(provider(server.issuer)))
    write(
      withProviders(
        provider(server.issuer, ', clockSkew: 7s'),
        'more: { issuer: "https://x.invalid", audience: a, jwksUri: "http://127.0.0.1:1/jwks", required: false }',
      ),
    )
    expect(await agent.reload('signal')).toMatchObject({ ok: true, generation: 2 })
  })

  it('answers by the rules that a request began with, and is closed when it has', async () => {
    const { server, key, token } = await issuer()
    const gate = Promise.withResolvers<void>()
    const { agent, write, ask } = await running(withProviders(provider(server.issuer)))
    await ask('/own/a', token('ann'))
    // A key that is not known yet is fetched, and the request waits for it.
    const rolled = testKey('ES256', 'rolled')
    server.answer('/jwks', (_, response) => {
      void gate.promise.then(() => response.end(JSON.stringify({ keys: [key.jwk, rolled.jwk] })))
    })
    const now = Math.floor(Date.now() / 1000)
    const fresh = signToken(
      rolled,
      { iss: server.issuer, aud: 'api', sub: 'bob', iat: now, exp: now + 600 },
      { typ: 'at+jwt' },
    )
    const waiting = ask('/own/a', fresh)
    await waitUntil('the fetch', async () => server.requests.filter((path) => path === '/jwks').length > 1)
    write(CLOSED)
    expect(await agent.reload('signal')).toMatchObject({ ok: true, generation: 2 })
    expect(agent.config().formerWaiting).toBe(1)
    gate.resolve()
    expect(await waiting).toMatchObject({ decision: 'allow', rule: 'own', subject: 'bob' })
    await waitUntil('the end of the former generation', async () => agent.config().formerWaiting === 0)
  })

  it('is given up when the agent stops meanwhile', async () => {
    const { server } = await issuer()
    const { agent, write } = await running(OPEN, 60_000)
    server.answer('/jwks', (_, response) => response.writeHead(503).end())
    write(withProviders(provider(server.issuer)))
    const reload = agent.reload('signal')
    await waitUntil('the fetch', async () => server.requests.includes('/jwks'))
    await agent.stop()
    expect(await reload).toMatchObject({ ok: false, generation: 1 })
    expect(await agent.reload('signal')).toMatchObject({ ok: false, cause: 'stopping' })
  })
})

describe('a watched file', () => {
  it('is read again when it changes; a reload can end and begin that', async () => {
    const folder = tempFolder()
    const file = join(folder, 'agent.yaml')
    const write = (watch: boolean, rules: string): void =>
      writeFileSync(
        file,
        `version: 1
spop: { listen: "tcp://127.0.0.1:0", drain: 0s }
temporal: { address: "127.0.0.1:1" }
outbox: { path: outbox.db, drain: 0s }
reload: { watch: ${watch} }
${rules}
`,
      )
    write(true, OPEN)
    const lines: { msg: string }[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as never) })
    const agent = await startAgent(loadConfig(file), log, { lookMs: 20 })
    onTestFinished(() => agent.stop())
    write(true, CLOSED)
    await waitUntil('the reload', async () => agent.config().generation === 2)
    write(true, BROKEN)
    await waitUntil('the failure', async () => agent.config().reloads.failed === 1)
    expect(agent.config()).toMatchObject({ generation: 2, last: { trigger: 'file', ok: false } })
    expect(lines.at(-1)?.msg).toContain(`${file}:7:`)
    write(false, OPEN)
    await waitUntil('the reload', async () => agent.config().generation === 3)
    write(false, CLOSED)
    expect(await agent.reload('signal')).toMatchObject({ ok: true, generation: 4 })
    expect(agent.config()).toMatchObject({ reloads: { ok: 3, failed: 1 }, last: { trigger: 'signal' } })
  })
})
