import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../agent/config/load.ts'
import { demoRequests } from '../../agent/dev/script.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { echoOf } from '../../agent/dev/request.ts'
import { explain } from '../../agent/explain/explain.ts'
import { requestOf } from '../../agent/explain/parse-request.ts'
import { replay } from '../../agent/explain/replay/replay.ts'
import { RunningCommand } from '../support/command.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'

const CONFIG = join(ROOT, 'agent.yaml')

describe.each(HAPROXY_VERSIONS)('explain beside HAProxy %s', (version) => {
  let edge: Edge
  beforeAll(async () => {
    edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(() => edge?.stop())

  it('tells of every scripted request what HAProxy got as its answer', async () => {
    const loaded = loadConfig(CONFIG, { ...process.env, ...edge.env })
    for (const { name, expect: _, ...request } of await demoRequests(edge.identity)) {
      const response = await edge.send(request)
      const logged = await edge.logged(response)
      // What HAProxy refuses by itself never came to the agent.
      if (logged.decision === undefined) continue
      const header = Object.entries(request.headers ?? {}).flatMap(([field, value]) =>
        [value].flat().map((one) => `${field}: ${one}`),
      )
      const asked = requestOf({
        request: `${request.method} https://127.0.0.1:${edge.edge.https}${request.path}`,
        header,
        id: response.requestId,
      })
      const { explanation, unreachable } = await explain(loaded, asked, { timeoutMs: 10_000, progress: () => {} })
      expect(unreachable, name).toBeUndefined()
      const { variables } = explanation
      const told = {
        decision: variables['decision'],
        reason: variables['reason'],
        rule: variables['rule'],
        subject: variables['subject'],
        event: variables['event_id'],
        workflow: variables['workflow_id'],
      }
      const { decision, reason, rule, subject, event, workflow } = logged
      expect({ name, ...told }).toEqual({ name, decision, reason, rule, subject, event, workflow })
      if (decision === 'deny') {
        expect(variables['status'], name).toBe(response.status)
        expect(variables['challenge'], name).toBe(response.headers['www-authenticate'])
      }
      const identity = echoOf(response)?.identity ?? {}
      for (const [field, variable] of Object.entries(HEADERS)) {
        if (decision === 'allow') expect(identity[field], `${name}: ${field}`).toBe(variables[variable])
      }
    }
  })

  const HEADERS = {
    'x-identity-subject': 'subject',
    'x-identity-issuer': 'issuer',
    'x-identity-tenant': 'tenant',
    'x-identity-roles': 'roles',
    'x-identity-plan': 'plan',
  }

  it('as a command verifies a real token, and prints no byte of it', async () => {
    const token = await edge.identity.token('buyer', { scope: 'orders:write' })
    const file = join(edge.folder, 'token')
    writeFileSync(file, token)
    const run = (...more: string[]): RunningCommand =>
      new RunningCommand(
        ['explain', '--request', 'POST https://api.example.com/orders/7', '--token-file', file, ...more],
        { env: edge.env },
      )
    const command = run('--expect', 'allow')
    const { code, stdout, stderr } = await command.result
    expect(stderr).toContain('asking the providers corp')
    expect(code).toBe(0)
    expect(stdout).toContain('caller: buyer of corp, proven by jwt')
    expect(stdout).toContain('ALLOW ok: rule create-order')
    expect(stdout).toContain('workflow: start requestHook')
    for (const part of token.split('.')) expect(stdout + stderr).not.toContain(part)
    expect(command.strayFiles()).toEqual([])
    command.dispose()

    const json = run('--json', '--expect', '403')
    const result = await json.result
    expect(result.code).toBe(1)
    expect(JSON.parse(result.stdout)).toMatchObject({
      ok: false,
      caller: { state: 'proven', subject: 'buyer', digest: expect.stringMatching(/^sha256:/) },
      expected: '403',
    })
    for (const part of token.split('.')) expect(result.stdout).not.toContain(part)
    json.dispose()
  })

  it('says that a provider is away, and ends with 1', async () => {
    const file = join(edge.folder, 'token')
    // Of an issuer whose keys nobody gives.
    writeFileSync(file, await edge.identity.sign({ iss: 'http://127.0.0.1:1', sub: 'x', exp: Date.now() / 1000 + 600 }))
    const command = new RunningCommand(
      ['explain', '--request', 'https://api.example.com/api/x', '--token-file', file, '--timeout', '5'],
      { env: { ...edge.env, OIDC_ISSUER: 'http://127.0.0.1:1' } },
    )
    const { code, stdout, stderr } = await command.result
    expect(stdout).toContain('DENY 503 keys_unavailable')
    expect(stderr).toContain('EXPLAIN_UNREACHABLE: corp (http://127.0.0.1:1): ')
    expect(code).toBe(1)
    command.dispose()
  })

  it("finds in HAProxy's own log what was decided, and decides alike", async () => {
    const response = await edge.send({ method: 'GET', path: '/public/x' })
    await edge.logged(response)
    const denied = await edge.send({
      method: 'GET',
      path: '/api/x',
      headers: bearer(await edge.identity.forge({ sub: 'x' })),
    })
    await edge.logged(denied)
    const loaded = loadConfig(CONFIG, { ...process.env, ...edge.env })
    const { summary, changes } = await replay(loaded, undefined, {
      log: edge.haproxy.logFile,
      callers: 'records',
      examples: 3,
      timeoutMs: 5000,
      progress: () => {},
    })
    expect(summary.requests).toBeGreaterThan(1)
    expect(changes).toEqual([])
  })
})
