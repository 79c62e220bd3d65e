import { existsSync, readFileSync } from 'node:fs'
import type { Agent } from 'node:https'
import { join } from 'node:path'
import { onTestFailed } from 'vitest'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { findInLog, type LoggedRequest } from '../../agent/dev/haproxy-log.ts'
import type { ManagedProcess } from '../../agent/dev/process.ts'
import { waitUntil } from '../../agent/dev/process.ts'
import { type EdgeRequest, type EdgeResponse, reasonOf, sendToEdge } from '../../agent/dev/request.ts'
import { type Stack, type StackOptions, startCommand, startStack } from '../../agent/dev/stack.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { UserError } from '../../agent/errors.ts'
import type { DispatchCounters } from '../../agent/dispatch/counters.ts'
import { newFolder, removeFolder } from './folder.ts'

export const HAPROXY_VERSIONS = ['2.6', '3.0', '3.2'] as const
export type HaproxyVersion = (typeof HAPROXY_VERSIONS)[number]

export function haproxyBinary(version: HaproxyVersion): string {
  const binary = join(ROOT, '.toolchain/bin', `haproxy-${version}`)
  if (existsSync(binary)) return binary
  throw new UserError('TOOL_MISSING', `${binary} is missing: run "make setup-test"`)
}

/** Nobody listens here: port 1 of loopback. */
export const NO_TEMPORAL = '127.0.0.1:1'

/** The shipped configuration on a real HAProxy, with a real provider, agent and upstreams. */
export interface Edge extends Stack {
  readonly folder: string
  readonly ca: string
  /** On a connection of its own, or on one of a pool. */
  send(request: EdgeRequest, connections?: Agent): Promise<EdgeResponse>
  /** HAProxy's own record of a request that was answered. */
  logged(response: EdgeResponse): Promise<LoggedRequest>
  /** Another agent: in the place of one that was stopped, or beside it if `env` gives it ports of its own. */
  startAgent(env?: Readonly<Record<string, string>>): ManagedProcess
  /** Counters of the dispatcher. */
  events(): Promise<DispatchCounters>
  /** Ends everything. When a test that started it has failed, the ends of the logs are printed first. */
  stop(): Promise<void>
}

export type EdgeOptions = Partial<
  Pick<StackOptions, 'config' | 'haproxy' | 'spoe' | 'masterWorker' | 'temporalAddress' | 'worker' | 'env'>
>

/** Tests run beside each other on few cores: what is late here must not count as an answer that failed. */
const PATIENT = {
  SPOP_DEADLINE: '10s',
  SPOE_PROCESSING_TIMEOUT: '12s',
  SPOE_AGAIN_TIMEOUT: '6s',
  SPOE_AGAIN_WITHIN_MS: '6000',
  SPOP_CHECK_TIMEOUT: '10s',
  // Most tests have no Temporal that could take what is left.
  OUTBOX_DRAIN: '200ms',
}

export async function startEdge(version: HaproxyVersion, options: EdgeOptions = {}): Promise<Edge> {
  const folder = newFolder()
  const cleanup = new Cleanup()
  cleanup.add(() => removeFolder(folder))
  try {
    const stack = await startStack({
      config: join(ROOT, 'agent.yaml'),
      haproxy: join(ROOT, 'haproxy.cfg'),
      spoe: join(ROOT, 'spoe.conf'),
      folder,
      ports: 'free',
      ui: false,
      haproxyBinary: haproxyBinary(version),
      progress: () => {},
      cleanup,
      ...options,
      env: { ...PATIENT, ...options.env },
    })
    printLogsOnFailure([stack.haproxy, stack.agent, ...(stack.worker === undefined ? [] : [stack.worker])])
    const ca = readFileSync(stack.certificates.ca, 'utf8')
    return {
      ...stack,
      folder,
      ca,
      send: (request, connections) => sendToEdge(stack.edge.https, ca, request, connections),
      logged: (response) => findInLog(stack.haproxy.logFile, response.requestId),
      startAgent(env = {}) {
        const all = { ...stack.env, ...env }
        const agent = startCommand('agent', ['serve', '--config', join(ROOT, 'agent.yaml')], all, folder)
        cleanup.add(() => agent.stop())
        return agent
      },
      async events() {
        const status = (await (await fetch(`${stack.adminUrl}/status`)).json()) as { conservation: DispatchCounters }
        return status.conservation
      },
      stop: () => cleanup.run(),
    }
  } catch (error) {
    await cleanup.run()
    throw error
  }
}

function printLogsOnFailure(processes: readonly ManagedProcess[]): void {
  try {
    onTestFailed(() => {
      for (const one of processes) console.error(`the output of ${one.name} ends with\n${one.logTail()}`)
    })
  } catch {
    // Started in beforeAll, for many tests: no single one to print for.
  }
}

/** Waits until the agent decides again: 401 instead of 503 on a protected path. */
export async function untilAgentAnswers(edge: Edge): Promise<void> {
  await waitUntil(
    'the agent to decide',
    async () => (await edge.send({ method: 'GET', path: '/api/ping' })).status === 401,
  )
}

/** Status and reason of an answer; `ok` where a server behind has answered. */
export async function outcomeOf(answer: Promise<EdgeResponse>): Promise<[number, string | undefined]> {
  const response = await answer
  return [response.status, response.status === 200 ? 'ok' : reasonOf(response)]
}

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}

/** Runs `task` for 0 to `total` - 1, at most `width` at a time. */
export async function inParallel<T>(total: number, width: number, task: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < total) {
        const i = next++
        results[i] = await task(i)
      }
    }),
  )
  return results
}
