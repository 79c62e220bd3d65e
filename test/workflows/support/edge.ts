import { randomUUID } from 'node:crypto'
import { defaultPayloadConverter } from '@temporalio/common'
import type { Client } from '@temporalio/client'
import { ACTOR_KEY, type Actor, type EdgeEvent, type MeterRecord, type WindowSummary } from '../../../agent/messages.ts'
import { KeyWindow, type Outcome } from '../../../agent/windows/key-window.ts'

/** Calls Temporal as the agent does: raw requests with the actor in header and memo. */

const payload = (value: unknown) => defaultPayloadConverter.toPayload(value)

export function actor(subject: string, more: Partial<Actor> = {}): Actor {
  return {
    v: 1,
    type: 'jwt',
    provider: 'corp',
    issuer: 'https://id.example',
    subject,
    tenant: 'acme',
    roles: ['buyer'],
    scopes: ['orders:write'],
    requestId: 'r-1',
    rule: 'test',
    ...more,
  }
}

export function event(id: string, type: string, by: Actor, more: Partial<EdgeEvent> = {}): EdgeEvent {
  return {
    id: `${type}/${id}`,
    type,
    rule: type,
    at: 1_760_000_000_000,
    request: { id, method: 'POST', host: 'shop.example', path: '/orders', query: 'a=1', source: '192.0.2.7' },
    actor: by,
    vars: { plan: 'gold' },
    ...more,
  }
}

export function record(n: number, more: Partial<MeterRecord> = {}): MeterRecord {
  return { id: `api/${n}`, at: 1_760_000_000_000 + n, method: n % 3 === 0 ? 'POST' : 'GET', path: '/api/x', ...more }
}

/** What an agent tells of `api/acme` in an interval of ten seconds. */
export function summary(interval: number, agent: string, outcomes: readonly Partial<Outcome>[] = [{}]): WindowSummary {
  const window = new KeyWindow()
  for (const outcome of outcomes) {
    window.begin()
    window.add({ status: 200, latencyMs: 5, bytes: 0, server: 's1', ...outcome })
  }
  const from = interval * 10_000
  return window.summary({ id: `api/acme/${from}/${agent}`, rule: 'api', key: 'acme', from, to: from + 10_000, agent })
}

export interface EdgeStart {
  readonly taskQueue: string
  readonly workflowType: string
  readonly workflowId: string
  readonly input: unknown
  readonly by: Actor
}

function common({ taskQueue, workflowType, workflowId, input, by }: EdgeStart) {
  const caller = { fields: { [ACTOR_KEY]: payload(by) } }
  return {
    namespace: 'default',
    workflowId,
    workflowType: { name: workflowType },
    taskQueue: { name: taskQueue },
    input: { payloads: [payload(input)] },
    identity: 'edge-test',
    requestId: randomUUID(),
    header: caller,
    memo: caller,
  }
}

export async function startFromEdge(client: Client, start: EdgeStart): Promise<void> {
  await client.workflowService.startWorkflowExecution(common(start))
}

export async function signalFromEdge(
  client: Client,
  start: EdgeStart,
  signalName: string,
  arg: unknown,
): Promise<void> {
  await client.workflowService.signalWithStartWorkflowExecution({
    ...common(start),
    signalName,
    signalInput: { payloads: [payload(arg)] },
  })
}
