import type { Delivery } from '../../agent/dispatch/command.ts'

export type Kind = 'start' | 'signal' | 'meter'

/** One rule of the suite: requests to `/<kind>/<delivery>/<number>`. */
export interface Lane {
  readonly kind: Kind
  readonly delivery: Delivery
  /** Name of the rule. */
  readonly rule: string
  /** Its share of the requests, among all weights. */
  readonly weight: number
}

/** Signals and starts cost the dev server far more than records, so there are fewer of them. */
const WEIGHTS: Readonly<Record<Kind, Readonly<Record<Delivery, number>>>> = {
  meter: { memory: 12, durable: 36, strict: 24 },
  signal: { memory: 2, durable: 6, strict: 6 },
  start: { memory: 2, durable: 6, strict: 6 },
}

/** Every kind of action with every class of delivery. */
export const LANES: readonly Lane[] = (Object.keys(WEIGHTS) as Kind[]).flatMap((kind) =>
  (Object.keys(WEIGHTS[kind]) as Delivery[]).map((delivery) => ({
    kind,
    delivery,
    rule: `${kind}-${delivery}`,
    weight: WEIGHTS[kind][delivery],
  })),
)

/** Callers; each has entity workflows of its own. */
export const TENANTS = ['acme', 'globex'] as const
export type Tenant = (typeof TENANTS)[number]

/** The path that carries the number of a request to workflow code. */
export function pathOf(lane: Lane, n: number): string {
  return `/${lane.kind}/${lane.delivery}/${n}`
}

/** The number of the request with that path; undefined for others. */
export function numberOf(path: string): number | undefined {
  const text = /^\/(?:meter|signal|start)\/[a-z]+\/(\d+)$/.exec(path)?.[1]
  return text === undefined ? undefined : Number(text)
}

/** Workflow ids of all entities. */
export const ENTITIES: readonly { readonly lane: Lane; readonly tenant: Tenant; readonly workflowId: string }[] =
  LANES.filter(({ kind }) => kind !== 'start').flatMap((lane) =>
    TENANTS.map((tenant) => ({ lane, tenant, workflowId: `${lane.rule}/${tenant}` })),
  )
