import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reservePort } from '../../agent/dev/ports.ts'
import { waitUntil } from '../../agent/dev/process.ts'
import { connect } from '../../node-spoe/src/client/index.ts'
import { type Stub, stubService } from '../agent/dispatch/support/stub-service.ts'
import { RunningCommand } from '../support/command.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

const TOKEN = 'canary-outbox-token-5e2a'
/** gRPC's INVALID_ARGUMENT. */
const INVALID = 3

interface Row {
  readonly id: string
  readonly reason?: string
  readonly attempts?: number
}

interface Told {
  readonly code: number | null
  readonly stderr: string
  readonly json: {
    readonly source?: string
    readonly changed?: number
    readonly rows?: Row[]
    readonly code?: string
    readonly status?: { readonly events: object; readonly pausedRules: string[] }
    readonly body?: { readonly request: { readonly path: string } }
  }
}

describe('haproxy-temporal outbox', () => {
  const commands: RunningCommand[] = []
  let folder: string
  let ports: { readonly spop: number; readonly admin: number }
  beforeEach(async () => {
    folder = newFolder()
    ports = { spop: await reservePort(), admin: await reservePort() }
  })
  afterEach(() => {
    for (const command of commands.splice(0)) command.dispose()
    removeFolder(folder)
  })

  const start = (args: readonly string[]): RunningCommand => {
    const command = new RunningCommand(args, { cwd: folder })
    commands.push(command)
    return command
  }
  const outbox = async (...args: readonly string[]): Promise<Told> => {
    const { code, stdout, stderr } = await start(['outbox', ...args, '--json']).result
    return { code, stderr, json: JSON.parse(stdout) as Told['json'] }
  }
  const serve = async (): Promise<RunningCommand> => {
    const agent = start(['serve'])
    await agent.untilStderr('listening:')
    return agent
  }
  const stop = async (agent: RunningCommand): Promise<void> => {
    agent.signal('SIGTERM')
    expect((await agent.result).code).toBe(0)
  }
  /** Requests as HAProxy asks about them, the ids of their events. */
  const ask = async (...names: readonly string[]): Promise<string[]> => {
    const client = await connect(`tcp://127.0.0.1:${ports.spop}`)
    for (const id of names) {
      const src = { ip: '10.0.0.1' }
      const check = {
        id,
        method: 'POST',
        host: 'a.example',
        path: '/orders/1',
        query: '',
        src,
        tls: true,
        auth_count: 0,
      }
      await client.notify({ check })
    }
    await client.close()
    return names.map((id) => `orders/${id}`)
  }
  const metric = async (line: string): Promise<boolean> =>
    (await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text()).includes(`haproxy_temporal_${line}\n`)
  const ids = ({ json }: Told): string[] => (json.rows ?? []).map(({ id }) => id)

  /** A Temporal that refuses every event for good while `refuses` says so. */
  async function temporal(refuses: () => boolean): Promise<Stub> {
    const stub = await stubService(() => (refuses() ? { code: INVALID, details: 'not this' } : { started: true }))
    writeFileSync(join(folder, 'token'), TOKEN, { mode: 0o600 })
    writeFileSync(
      join(folder, 'agent.yaml'),
      `version: 1
spop: { listen: "tcp://127.0.0.1:${ports.spop}", drain: 0s }
admin: { listen: "tcp://127.0.0.1:${ports.admin}", token: { file: token } }
temporal: { address: "${stub.address}" }
outbox: { path: outbox.db, retain: 1h, drain: 500ms }
rules:
  - name: orders
    match: { path: "/orders/**" }
    identity: none
    workflow: { start: requestHook, taskQueue: edge, delivery: durable }
`,
    )
    return stub
  }
  const calledFor = ({ calls }: Stub): string[] => calls.map(({ requestId }) => requestId)

  it('finds dead letters, has them tried again, replays them, and holds a rule back, with the agent and without', async () => {
    let refuses = true
    const stub = await temporal(() => refuses)
    let agent = await serve()
    const first = await ask('a-1', 'a-2')
    await waitUntil('dead letters', () => metric('outbox_dead_letters 2'))

    const dead = await outbox('list')
    expect([dead.code, dead.stderr, dead.json.source]).toEqual([0, '', 'agent'])
    expect(ids(dead)).toEqual(first)
    expect(dead.json.rows?.[0]).toMatchObject({ reason: expect.stringContaining('not this'), attempts: 1 })
    expect((await outbox('show', 'orders/a-1')).json.body?.request.path).toBe('/orders/1')
    expect((await fetch(`http://127.0.0.1:${ports.admin}/outbox/rows`)).status).toBe(401)
    writeFileSync(join(folder, 'wrong'), 'not-the-token-not-the-token')
    expect((await outbox('list', '--token-file', 'wrong')).json).toMatchObject({ ok: false, code: 'OUTBOX_REFUSED' })
    expect((await outbox('list', '--file', 'outbox.db')).json.code).toBe('OUTBOX_LOCKED')

    refuses = false
    expect((await outbox('redrive')).json).toMatchObject({ changed: 2, left: false })
    await waitUntil('them to be delivered', () => metric('events_delivered_total{rule="orders"} 2'))
    expect(calledFor(stub).toSorted()).toEqual([...first, ...first].toSorted())
    await waitUntil('them to be kept', async () => ids(await outbox('list', '--table', 'delivered')).length === 2)
    expect((await outbox('replay', '--from', '1h')).json.changed).toBe(2)
    await waitUntil('them to be delivered once more', () => metric('events_delivered_total{rule="orders"} 4'))
    expect(calledFor(stub).slice(4).toSorted()).toEqual(
      first.map((id) => expect.stringMatching(new RegExp(`^${id.replace('/', String.raw`/~\w+/`)}$`))),
    )

    expect((await outbox('pause', 'order')).json).toMatchObject({
      code: 'OUTBOX_REFUSED',
      hint: 'Did you mean "orders"?',
    })
    expect((await outbox('pause', 'orders')).json.changed).toBe(1)
    const held = await ask('b-1', 'b-2')
    await waitUntil('them to be on disk', () => metric('outbox_rows 2'))
    expect(ids(await outbox('list', '--table', 'pending'))).toEqual(held)
    expect(calledFor(stub)).toHaveLength(6)

    // What an operator does while the agent is down is what the agent finds.
    await stop(agent)
    expect((await outbox('status')).json).toMatchObject({
      source: 'file',
      status: { events: { pending: 2, dead: 0, delivered: 4 }, pausedRules: ['orders'] },
    })
    expect((await outbox('purge', '--table', 'pending', '--id', 'orders/b-1', '--yes')).json.changed).toBe(1)
    agent = await serve()
    await waitUntil('the other one to be found', () => metric('outbox_rows 1'))
    expect(calledFor(stub)).toHaveLength(6)
    expect((await outbox('resume', 'orders')).json).toMatchObject({ source: 'agent', changed: 1 })
    await waitUntil('it to be delivered', () => metric('events_delivered_total{rule="orders"} 1'))
    expect(calledFor(stub).slice(6)).toEqual(['orders/b-2'])
    expect(agent.stderr).toContain('"msg":"outbox: resume by the admin server"')
    expect(agent.stderr).not.toContain(TOKEN)
    await stop(agent)
    expect(agent.survivors()).toEqual([])
  }, 180_000)
})
