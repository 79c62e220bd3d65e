import { join } from 'node:path'
import type { Cleanup } from '../../agent/dev/cleanup.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { ManagedProcess, waitUntil } from '../../agent/dev/process.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { accepts, type Address } from './address.ts'
import { peer } from './peers.ts'

/** A no-op agent to measure. */
export interface Contender {
  readonly name: string
  readonly transport: 'tcp' | 'unix'
  /** Whether it takes a NOTIFY before it has answered the last one on that connection. */
  readonly pipelining: boolean
  /** The program and its arguments, or `undefined` when it could not be built here. */
  command(address: Address): readonly [string, ...string[]] | undefined
  versions(): Record<string, string>
}

const OURS = join(ROOT, 'bench/noop/agent.ts')

function ours(name: string, transport: 'tcp' | 'unix'): Contender {
  return {
    name,
    transport,
    pipelining: true,
    // From the sources, with types stripped: measured, it costs the same per request as the compiled library.
    command: ({ url }) => [process.execPath, '--conditions=node-spoe-source', OURS, url],
    versions: () => ({}),
  }
}

function theirs(name: string, language: 'go' | 'rust', pipelining = true): Contender {
  return {
    name,
    transport: 'tcp',
    pipelining,
    command({ target }) {
      const { binary } = peer(name, language)
      return binary === undefined ? undefined : [binary, target]
    },
    versions: () => peer(name, language).versions(),
  }
}

export const CONTENDERS: readonly Contender[] = [
  ours('node-spoe', 'tcp'),
  ours('node-spoe-unix', 'unix'),
  theirs('haproxy-go', 'go', false),
  theirs('negasus', 'go'),
  theirs('rust-spop', 'rust'),
]

/** A contender that runs and takes connections. */
export interface Running {
  readonly name: string
  readonly pipelining: boolean
  readonly address: Address
  readonly process: ManagedProcess
  readonly versions: Readonly<Record<string, string>>
}

/** Starts it in a process of its own; `undefined` when it is not there. */
export async function startContender(
  contender: Contender,
  folder: string,
  cleanup: Cleanup,
): Promise<Running | undefined> {
  const { name, pipelining } = contender
  const address = await newAddress(contender, folder)
  const [command, ...args] = contender.command(address) ?? []
  if (command === undefined) return undefined
  const process_ = new ManagedProcess({ name, command, args, logFile: join(folder, `${name}.log`) })
  cleanup.add(() => process_.stop())
  await waitUntil(`${name} to listen`, () => accepts(address), process_)
  return { name, pipelining, address, process: process_, versions: contender.versions() }
}

async function newAddress({ name, transport }: Contender, folder: string): Promise<Address> {
  if (transport === 'unix') {
    const path = join(folder, `${name}.sock`)
    return { url: `unix://${path}`, target: path, haproxy: `unix@${path}`, connect: { path } }
  }
  const port = await reservePort()
  const target = `127.0.0.1:${port}`
  return { url: `tcp://${target}`, target, haproxy: target, connect: { port, host: '127.0.0.1' } }
}
