import { request } from 'node:http'
import { basename, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { haproxyReady, startHaproxy } from '../../agent/dev/haproxy.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { ManagedProcess, waitUntil } from '../../agent/dev/process.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { type HaproxyVersion, haproxyBinary } from './edge.ts'
import { newFolder, removeFolder } from './folder.ts'

const EXAMPLES = join(ROOT, 'node-spoe/examples')

/**
 * Tests run beside each other on few cores: what is late here must not count as no answer. Not longer, because HAProxy 2.6
 * lets requests wait for all of it while an agent that died is not yet known to be down.
 */
const PATIENT = { DEADLINE_MS: '4000', PROCESSING_TIMEOUT: '5s' }

type Env = Readonly<Record<string, string>>

export interface ExampleRequest {
  readonly headers?: Env
  /** Source address of the connection. */
  readonly from?: string
}

/** One of node-spoe's examples with its own files, on ports of its own. */
export class Example {
  readonly folder = newFolder()
  readonly #name: string
  readonly #env: Env
  readonly #cleanup = new Cleanup()
  readonly #processes: ManagedProcess[] = []
  #port = 0

  /** Ends with the test. */
  constructor(name: string, env: Env) {
    this.#name = name
    this.#env = { ...PATIENT, ...env }
    this.#cleanup.add(() => removeFolder(this.folder))
    onTestFinished(async ({ task }) => {
      if (task.result?.state === 'fail') {
        for (const one of this.#processes) console.error(`the output of ${one.name} ends with\n${one.logTail()}`)
      }
      await this.#cleanup.run()
    })
  }

  /** Runs a script of the example as its README says, and waits until it listens. */
  async run(script: string, env: Env = {}, ready = 'listening'): Promise<ManagedProcess> {
    const started = this.#add(
      new ManagedProcess({
        name: basename(script),
        command: process.execPath,
        args: ['--conditions=node-spoe-source', resolve(EXAMPLES, this.#name, script)],
        env: { ...this.#env, ...env },
        logFile: join(this.folder, `${basename(script)}-${this.#processes.length}.log`),
      }),
    )
    await waitUntil(`${script} to listen`, async () => started.logTail().includes(ready), started)
    return started
  }

  /** By default with the example's own haproxy.cfg. */
  async haproxy(version: HaproxyVersion, other: { config?: string; port?: number } = {}): Promise<void> {
    this.#port = other.port ?? (await reservePort())
    const haproxy = this.#add(
      startHaproxy({
        binary: haproxyBinary(version),
        config: other.config ?? join(EXAMPLES, this.#name, 'haproxy.cfg'),
        env: { ...this.#env, EDGE: `127.0.0.1:${this.#port}` },
        logFile: join(this.folder, 'haproxy.log'),
      }),
    )
    await haproxyReady(haproxy, this.#port)
  }

  /** Status and first line of the answer. */
  get({ headers = {}, from }: ExampleRequest = {}): Promise<string> {
    return new Promise((done, reject) => {
      const localAddress = from ?? '127.0.0.1'
      const outgoing = request(
        { port: this.#port, host: '127.0.0.1', localAddress, headers, agent: false },
        (incoming) => {
          let body = ''
          incoming.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
          incoming.once('error', reject)
          incoming.once('end', () => done(`${incoming.statusCode} ${body.split('\n')[0]}`))
        },
      )
      outgoing.once('error', reject)
      outgoing.end()
    })
  }

  #add(started: ManagedProcess): ManagedProcess {
    this.#processes.push(started)
    this.#cleanup.add(() => started.stop('SIGKILL'))
    return started
  }
}
