import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Cleanup } from '../../agent/dev/cleanup.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { ManagedProcess, waitUntil } from '../../agent/dev/process.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { accepts, type Address } from './address.ts'

/** A no-op agent to measure. */
export interface Contender {
  readonly name: string
  readonly transport: 'tcp' | 'unix'
  /** The program and its arguments, or `undefined` when it could not be built here. */
  command(address: Address): readonly [string, ...string[]] | undefined
}

const OURS = join(ROOT, 'bench/noop/agent.ts')

/**
 * Node's flags are those of `npm run bench` itself: from the sources, with types stripped. Measured, this costs the same
 * per request as the compiled library.
 */
function ours(address: Address): readonly [string, ...string[]] {
  return [process.execPath, '--conditions=development', OURS, address.url]
}

function peer(name: string): Contender {
  const binary = join(ROOT, '.toolchain/bench', name)
  const command = ({ target }: Address): readonly [string, ...string[]] | undefined =>
    existsSync(binary) ? [binary, target] : undefined
  return { name, transport: 'tcp', command }
}

export const CONTENDERS: readonly Contender[] = [
  { name: 'node-spoe', transport: 'tcp', command: ours },
  { name: 'node-spoe-unix', transport: 'unix', command: ours },
  peer('haproxy-go'),
  peer('negasus'),
  peer('rust-spop'),
]

/** A contender that runs and takes connections. */
export interface Running {
  readonly name: string
  readonly address: Address
  readonly process: ManagedProcess
}

/** Starts it in a process of its own; `undefined` when it is not there. */
export async function startContender(
  contender: Contender,
  folder: string,
  cleanup: Cleanup,
): Promise<Running | undefined> {
  const { name } = contender
  const address = await newAddress(contender, folder)
  const [command, ...args] = contender.command(address) ?? []
  if (command === undefined) return undefined
  const process_ = new ManagedProcess({ name, command, args, logFile: join(folder, `${name}.log`) })
  cleanup.add(() => process_.stop())
  await waitUntil(`${name} to listen`, () => accepts(address), process_)
  return { name, address, process: process_ }
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
