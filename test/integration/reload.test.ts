import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../../agent/dev/process.ts'
import { type EdgeResponse, echoOf } from '../../agent/dev/request.ts'
import { type Edge, HAPROXY_VERSIONS, inParallel, NO_TEMPORAL, outcomeOf, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

/** A configuration whose first rule is called so; the environment fills in the rest. */
const CONFIG = (rule: string): string => `version: 1
spop: { listen: "tcp://127.0.0.1:\${SPOP_PORT}", deadline: "\${SPOP_DEADLINE}" }
admin: { listen: "tcp://127.0.0.1:\${ADMIN_PORT}" }
temporal: { address: "\${TEMPORAL_ADDRESS}" }
outbox: { path: "\${OUTBOX_PATH}" }
rules:
${rule}
`
const TO_APP = CONFIG('  - { name: to-app, match: { path: "/flip/**" }, identity: none, route: app }')
const TO_ORDERS = CONFIG('  - { name: to-orders, match: { path: "/flip/**" }, identity: none, route: orders }')
const DENIED = CONFIG('  - { name: closed, match: { path: "/flip/**" }, deny: 403 }')
const BROKEN = CONFIG('  - { name: to-app, match: { path: "/flip/**" }, identity: none, rout: app }')

const JSON_TYPE = { 'content-type': 'application/json' }

describe.each(HAPROXY_VERSIONS)('a reload behind HAProxy %s', (version) => {
  let folder = ''
  let file = ''
  let edge: Edge
  beforeAll(async () => {
    folder = newFolder()
    file = join(folder, 'agent.yaml')
    writeFileSync(file, TO_APP)
    edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false, config: file })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const ask = () => edge.send({ method: 'GET', path: '/flip/x' })
  const post = async (): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`${edge.adminUrl}/reload`, { method: 'POST', headers: JSON_TYPE })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const status = async (): Promise<Record<string, unknown>> => {
    const response = await fetch(`${edge.adminUrl}/status`)
    return ((await response.json()) as { config: Record<string, unknown> }).config
  }
  const metric = async (name: string): Promise<string | undefined> => {
    const text = await (await fetch(`${edge.adminUrl}/metrics`)).text()
    return text.split('\n').find((line) => line.startsWith(`haproxy_temporal_${name} `))
  }

  it('by SIGHUP turns an allow into a denial', async () => {
    expect(await outcomeOf(ask())).toEqual([200, 'ok'])
    writeFileSync(file, DENIED)
    edge.agent.signal('SIGHUP')
    await waitUntil('the reload', async () => (await status())['generation'] === 2)
    expect(await outcomeOf(ask())).toEqual([403, 'policy_denied'])
    expect(await metric('config_generation')).toBe('haproxy_temporal_config_generation 2')
  })

  it('by POST /reload turns it back, and answers when the rules hold', async () => {
    writeFileSync(file, TO_APP)
    const { status: code, body } = await post()
    expect(code).toBe(200)
    expect(body).toMatchObject({
      reloaded: true,
      generation: 3,
      replaced: true,
      changes: { rules: { added: ['to-app'], removed: ['closed'] } },
      pendingRestart: [],
    })
    expect(await outcomeOf(ask())).toEqual([200, 'ok'])
  })

  it('with a broken file leaves what is in force, and tells file, line and column', async () => {
    writeFileSync(file, BROKEN)
    const { status: code, body } = await post()
    expect(code).toBe(422)
    expect(body).toMatchObject({ reloaded: false, generation: 3, cause: 'invalid' })
    expect(body['problems']).toEqual([
      expect.objectContaining({
        code: 'CONFIG_UNKNOWN_KEY',
        file,
        line: 7,
        column: BROKEN.split('\n')[6]!.indexOf('rout:') + 1,
        hint: expect.stringContaining('route'),
      }),
    ])
    edge.agent.signal('SIGHUP')
    await waitUntil('the second attempt', async () => {
      return ((await status()) as { reloads: { failed: number } }).reloads.failed === 2
    })
    expect(readFileSync(edge.agent.logFile, 'utf8')).toContain(`generation 3 stays in force: ${file}:7:`)
    expect(await metric('config_last_reload_success')).toBe('haproxy_temporal_config_last_reload_success 0')
    expect(await outcomeOf(ask())).toEqual([200, 'ok'])
    writeFileSync(file, TO_APP)
    expect((await post()).body).toMatchObject({ reloaded: true, replaced: false, generation: 3 })
    expect(await metric('config_last_reload_success')).toBe('haproxy_temporal_config_last_reload_success 1')
  })

  it('under traffic answers every request, by the one rule set or the other', async () => {
    let stopped = false
    const reloads = (async () => {
      for (let i = 0; i < 6; i++) {
        writeFileSync(file, i % 2 === 0 ? TO_ORDERS : TO_APP)
        expect((await post()).body).toMatchObject({ reloaded: true, replaced: true })
      }
      stopped = true
    })()
    const responses = await inParallel(4, 4, async () => {
      const mine: EdgeResponse[] = []
      while (!stopped) mine.push(await ask())
      return mine
    })
    await reloads
    const seen = new Set<string>()
    for (const response of responses.flat()) {
      const { rule } = await edge.logged(response)
      seen.add(`${response.status} ${rule} ${echoOf(response)?.upstream}`)
    }
    expect([...seen].toSorted()).toEqual(['200 to-app app', '200 to-orders orders'])
  })
})
