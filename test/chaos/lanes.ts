import type { Delivery } from '../../agent/dispatch/command.ts'
import { LANES } from './lane-table.ts'

export { LANES }

export type Kind = 'start' | 'signal' | 'meter' | 'window' | 'terminate' | 'cancel'

/** Namespaces of Temporal: that of the agent, and one that rules name. */
export const NAMESPACES = ['default', 'second'] as const
export type Namespace = (typeof NAMESPACES)[number]

/** One rule of the suite: requests to `/<kind>/<delivery>/<number>`, or to the same below `/second` and the like. */
export interface Lane {
  readonly kind: Kind
  readonly delivery: Delivery
  readonly namespace: Namespace
  /** The agent holds its events back, so that some of them wait whenever something breaks. */
  readonly held?: 'throttled' | 'debounced'
  /** Its workflows stay open until a request to this other lane ends them: its kind says how. */
  readonly endedBy?: Lane
  /** Name of the rule. */
  readonly rule: string
  /** Its share of the requests, among all weights. */
  readonly weight: number
}

/** Callers; each has entity workflows of its own. */
export const TENANTS = ['acme', 'globex'] as const
export type Tenant = (typeof TENANTS)[number]

/** The path that carries the number of a request to workflow code; the pattern of all of them, or what they begin with. */
export function pathOf(lane: Lane, n: number | '{n}' | ''): string {
  return `${belowOf(lane)}/${lane.kind}/${lane.delivery}/${n}`
}

function belowOf({ namespace, held, endedBy }: Lane): string {
  if (namespace === 'second') return '/second'
  if (endedBy !== undefined) return '/ended'
  return held === undefined ? '' : `/${held}`
}

/** The number of the request with that path; undefined for others. */
export function numberOf(path: string): number | undefined {
  const text =
    /^(?:\/(?:second|throttled|debounced|ended))?\/(?:meter|signal|start|window|terminate|cancel)\/[a-z]+\/(\d+)$/.exec(
      path,
    )?.[1]
  return text === undefined ? undefined : Number(text)
}

/**
 * Whether requests may have an idempotency key and be sent twice. What counts them would count both, of those that are
 * debounced nobody could say which one is the later one, and what is ended is named by the number of its request.
 */
export function takesKey({ kind, held, endedBy }: Lane): boolean {
  return kind !== 'window' && held !== 'debounced' && endedBy === undefined && !isEnd(kind)
}

export type EndKind = 'terminate' | 'cancel'

/** Whether the requests end workflows that others have started. */
export function isEnd(kind: Kind): kind is EndKind {
  return kind === 'terminate' || kind === 'cancel'
}

/** One workflow that gets the events of a rule and a tenant. */
export interface Entity {
  readonly lane: Lane
  readonly kind: 'signal' | 'meter' | 'window'
  readonly tenant: Tenant
  readonly workflowId: string
}

export const ENTITIES: readonly Entity[] = LANES.flatMap((lane) => {
  const { kind, rule } = lane
  if (kind === 'start' || isEnd(kind)) return []
  return TENANTS.map((tenant) => ({ lane, kind, tenant, workflowId: `${rule}/${tenant}` }))
})
