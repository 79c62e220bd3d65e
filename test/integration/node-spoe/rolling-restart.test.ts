import { Agent as Connections } from 'node:http'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Cleanup } from '../../../agent/dev/cleanup.ts'
import { reservePort } from '../../../agent/dev/ports.ts'
import { ManagedProcess, waitUntil } from '../../../agent/dev/process.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { type Engine, type Spoe, startSpoe } from '../../support/spoe.ts'
import { expose, filterLine } from '../../support/spoe-config.ts'

const SCRIPT = join(import.meta.dirname, '../../support/rolling-agent.ts')
const TRANSPORTS = ['tcp', 'unix'] as const
type Transport = (typeof TRANSPORTS)[number]

/** Clients at a time and the pause between two requests of one, milliseconds: some 350 requests a second. */
const CLIENTS = 12
const PAUSE_MS = 30

const MESSAGES = `spoe-message check
args path=path
event on-frontend-http-request
spoe-group again
messages check`

/**
 * Up to 3.0 HAProxy goes on using its connections to a server that is down. So when a drained agent closes one at last,
 * a NOTIFY may be on its way to it: the question has to be put again, as the shipped haproxy.cfg does.
 */
function frontend(name: Transport): string {
  return `frontend ${name}
bind "127.0.0.1:\${${name}}"
${filterLine(name)}
http-request set-var(txn.${name}.lost) var(txn.${name}.error) if { var(txn.${name}.error) -m int ge 256 }
http-request unset-var(txn.${name}.error) if { var(txn.${name}.lost) -m found }
http-request send-spoe-group ${name} again if { var(txn.${name}.lost) -m found }
${expose(...['agent', 'path', 'error'].map((variable) => `txn.${name}.${variable}`))}
http-request return status 200`
}

/** One agent at an address of its own, in a process of its own, again and again. */
class Server {
  readonly address: string
  readonly #name: string
  readonly #folder: string
  #process: ManagedProcess
  #starts = 0

  constructor(address: string, name: string, folder: string) {
    this.address = address
    this.#name = name
    this.#folder = folder
    this.#process = this.#start()
  }

  #start(): ManagedProcess {
    return new ManagedProcess({
      name: this.#name,
      command: process.execPath,
      args: ['--conditions=node-spoe-source', SCRIPT, this.address, this.#name],
      logFile: join(this.#folder, `${this.#name}-${this.#starts++}.log`),
    })
  }

  /** A signal before that would end it without a drain; and HAProxy holds a server for up until a check has failed. */
  async ready(): Promise<void> {
    await waitUntil(`${this.#name} to listen`, async () => this.#process.logTail().includes('ready'), this.#process)
  }

  /** SIGTERM; a successor starts when the process has ended, as a service manager does it. */
  async restart(): Promise<void> {
    this.#process.signal('SIGTERM')
    expect(await this.#process.exited, this.#process.logTail()).toBe('ended with exit code 0')
    this.#process = this.#start()
    await this.ready()
  }

  stop(): Promise<void> {
    return this.#process.stop('SIGKILL')
  }
}

describe.each(HAPROXY_VERSIONS)('behind HAProxy %s, agents that are restarted one after the other', (version) => {
  const cleanup: Cleanup[] = []
  afterEach(() => cleanup.pop()?.run())

  it('leave no request without an answer, over TCP and UNIX sockets', async () => {
    const steps = new Cleanup()
    cleanup.push(steps)
    const folder = newFolder()
    steps.add(() => removeFolder(folder))
    const servers: Record<Transport, Server[]> = { tcp: [], unix: [] }
    for (const transport of TRANSPORTS) {
      for (const name of ['one', 'two']) {
        const address =
          transport === 'tcp' ? `tcp://127.0.0.1:${await reservePort()}` : `unix://${join(folder, `${name}.sock`)}`
        const server = new Server(address, `${transport}-${name}`, folder)
        steps.add(() => server.stop())
        await server.ready()
        servers[transport].push(server)
      }
    }
    const [tcp, unix] = TRANSPORTS.map((transport) => engine(transport, servers[transport]))
    const spoe = await startSpoe({
      version,
      ...tcp!,
      engines: [unix!],
      ports: TRANSPORTS,
      sections: TRANSPORTS.map(frontend).join('\n'),
      threads: 2,
    })
    steps.add(() => spoe.stop())

    const results = await Promise.all(
      TRANSPORTS.map((transport) => restartUnderLoad(spoe, transport, servers[transport])),
    )
    for (const { asked, wrong } of results) {
      expect(wrong).toEqual([])
      expect(asked).toBeGreaterThan(100)
    }
    // From 3.1 on a server that is down gets nothing any more, so there is not even a question to be put again.
    if (version === '3.2') expect(spoe.events()).toEqual([])
  })
})

function engine(name: Transport, servers: readonly Server[]): Engine {
  return {
    name,
    agents: servers.map(({ address }) => address),
    messages: MESSAGES,
    options: 'option continue-on-error\noption dontlog-normal',
    check: 'inter 100ms fall 2 rise 1',
    backend: 'balance roundrobin\noption redispatch 1',
    filter: false,
  }
}

/** Restarts each server twice; `wrong` are the requests that did not get their own answer from one of them. */
async function restartUnderLoad(
  spoe: Spoe,
  name: Transport,
  servers: readonly Server[],
): Promise<{ asked: number; wrong: unknown[] }> {
  const bothUp = (): Promise<void> =>
    waitUntil(`both agents to be up over ${name}`, async () => (await spoe.serversUp(name)) === 2, spoe.haproxy)
  const connections = new Connections({ keepAlive: true })
  const wrong: unknown[] = []
  let asked = 0
  let over = false

  async function ask(path: string): Promise<void> {
    const { status, headers } = await spoe.get(path, { port: spoe.portOf(name), connections })
    const agent = headers[`x-txn-${name}-agent`]
    const error = headers[`x-txn-${name}-error`]
    const right = status === 200 && headers[`x-txn-${name}-path`] === path && agent?.startsWith(`${name}-`) === true
    if (!right || error !== undefined) wrong.push({ path, status, agent, error })
  }

  async function client(): Promise<void> {
    while (!over) {
      await ask(`/${name}/${asked++}`).catch((error: unknown) => wrong.push(error))
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (0.5 + Math.random())))
    }
  }

  const load = Promise.all(Array.from({ length: CLIENTS }, client))
  try {
    for (const server of [...servers, ...servers]) {
      await server.restart()
      await bothUp()
    }
  } finally {
    over = true
    await load
  }
  connections.destroy()
  return { asked, wrong }
}
