import type { WorkflowAction } from '../../../../../agent/dispatch/command.ts'
import type { Parcel } from '../../../../../agent/dispatch/parcel.ts'
import { type ShipAction, shipActionOf } from '../../../../../agent/dispatch/ship/action.ts'
import type { Caller } from '../../../../../agent/dispatch/ship/caller.ts'
import { Job } from '../../../../../agent/dispatch/ship/job.ts'
import { OrderedLane } from '../../../../../agent/dispatch/ship/lane.ts'
import type { EdgeEvent, MeterRecord } from '../../../../../agent/messages.ts'
import { action } from '../../support/commands.ts'

export const CALLER: Caller = { namespace: 'edge', identity: 'me' }

/** Rules of tests, by kind. */
const RULES = {
  start: 'orders',
  signal: 'audit',
  meter: 'usage',
  window: 'traffic',
  cancel: 'stop',
  terminate: 'kill',
} as const

/** An action of the rule that tests use for its kind. */
export function actionOf(over: Partial<WorkflowAction> = {}): WorkflowAction {
  return action(over.rule ?? RULES[over.kind ?? 'start'], over)
}

export function shipAction(over: Partial<WorkflowAction> = {}, caller = CALLER): ShipAction {
  return shipActionOf(actionOf(over), caller)
}

export const idOf = (n: number, rule = 'orders'): string => `${rule}/${n.toString(16).padStart(12, '0')}`

export function eventOf(n: number, rule = 'orders'): EdgeEvent {
  const requestId = n.toString(16).padStart(12, '0')
  return {
    id: idOf(n, rule),
    type: rule,
    rule,
    at: 1_700_000_000_000 + n,
    request: { id: requestId, method: 'POST', host: 'api.example', path: '/ö', query: '', source: '10.0.0.1' },
    actor: { v: 1, type: 'jwt', subject: 'user-7', tenant: 'acme', roles: ['buyer'], scopes: [], requestId, rule },
    vars: { plan: 'gold' },
  }
}

/** The parcel of one event; `n` makes its handle and its id. Young enough to be gathered unless `at` says otherwise. */
export function parcel(n: number, over: Partial<Parcel> = {}): Parcel {
  const id = over.id ?? idOf(n)
  return {
    handle: n,
    action: 0,
    workflowId: id,
    key: '',
    id,
    at: Date.now(),
    events: 1,
    tenant: 'acme',
    body: JSON.stringify(eventOf(n)),
    call: '',
    ...over,
  }
}

export function recordOf(n: number): MeterRecord {
  return { id: idOf(n, 'usage'), at: 1_700_000_000_000 + n, method: 'GET', path: '/api', subject: 'user-7' }
}

/** A chunk of records, numbered from `n` on. */
export function chunk(n: number, records = 1, over: Partial<Parcel> = {}): Parcel {
  const bodies = Array.from({ length: records }, (_, i) => JSON.stringify(recordOf(n + i)))
  const key = over.key ?? 'acme'
  return parcel(n, {
    id: `~c-${n.toString(36).padStart(8, '0')}`,
    workflowId: `usage/${key}`,
    key,
    events: records,
    body: bodies.join(','),
    ...over,
  })
}

export function job(parcels: readonly Parcel[], over: Partial<WorkflowAction> = {}): Job {
  return new Job(shipAction(over), parcels, new OrderedLane(parcels[0]?.workflowId ?? '', new Map()))
}

export const text = (payload: { data?: Uint8Array | null } | null | undefined): unknown =>
  JSON.parse(Buffer.from(payload?.data ?? []).toString())
