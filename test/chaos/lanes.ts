import type { Delivery } from '../../agent/dispatch/command.ts'

export type Kind = 'start' | 'signal' | 'meter' | 'window'

/** Namespaces of Temporal: that of the agent, and one that rules name. */
export const NAMESPACES = ['default', 'second'] as const
export type Namespace = (typeof NAMESPACES)[number]

/** One rule of the suite: requests to `/<kind>/<delivery>/<number>`, or to the same below `/second`, `/throttled` or `/debounced`. */
export interface Lane {
  readonly kind: Kind
  readonly delivery: Delivery
  readonly namespace: Namespace
  /** The agent holds its events back, so that some of them wait whenever something breaks. */
  readonly held?: 'throttled' | 'debounced'
  /** Name of the rule. */
  readonly rule: string
  /** Its share of the requests, among all weights. */
  readonly weight: number
}

/** Signals and starts cost the dev server far more than records, so there are fewer of them. */
const WEIGHTS: Readonly<Record<Exclude<Kind, 'window'>, Readonly<Record<Delivery, number>>>> = {
  meter: { memory: 12, durable: 22, strict: 18 },
  signal: { memory: 2, durable: 3, strict: 3 },
  start: { memory: 2, durable: 3, strict: 3 },
}

/** Of what goes to the second namespace: each kind once, and both classes that wait on disk. */
const SECOND: readonly Lane[] = [
  { kind: 'meter', delivery: 'durable', namespace: 'second', rule: 'second-meter-durable', weight: 6 },
  { kind: 'meter', delivery: 'strict', namespace: 'second', rule: 'second-meter-strict', weight: 6 },
  { kind: 'signal', delivery: 'durable', namespace: 'second', rule: 'second-signal-durable', weight: 2 },
  { kind: 'start', delivery: 'strict', namespace: 'second', rule: 'second-start-strict', weight: 2 },
]

/** Each class once: what is held back is in memory alone, in memory and on disk, or read from there after a kill. */
const THROTTLED: readonly Lane[] = (
  [
    ['start', 'memory'],
    ['signal', 'durable'],
    ['start', 'strict'],
  ] as const
).map(([kind, delivery]) => ({
  kind,
  delivery,
  namespace: 'default',
  held: 'throttled',
  rule: `throttled-${kind}-${delivery}`,
  weight: 2,
}))

/** Of events that wait on disk an older one must not go before the newer one is there; nor for a newer one that is refused. */
const DEBOUNCED: readonly Lane[] = (
  [
    ['signal', 'durable'],
    ['start', 'strict'],
  ] as const
).map(([kind, delivery]) => ({
  kind,
  delivery,
  namespace: 'default',
  held: 'debounced',
  rule: `debounced-${kind}-${delivery}`,
  weight: 2,
}))

/** Rules that count requests. No strict one can be, and what memory holds may be lost with its interval anyhow. */
const COUNTED: readonly Lane[] = [
  { kind: 'window', delivery: 'durable', namespace: 'default', rule: 'window-durable', weight: 4 },
  { kind: 'window', delivery: 'durable', namespace: 'second', rule: 'second-window-durable', weight: 2 },
]

/** Every kind of action with every class of delivery, some of them in the second namespace, some held back; and counts. */
export const LANES: readonly Lane[] = [
  ...(Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[]).flatMap((kind) =>
    (Object.keys(WEIGHTS[kind]) as Delivery[]).map((delivery) => ({
      kind,
      delivery,
      namespace: 'default' as const,
      rule: `${kind}-${delivery}`,
      weight: WEIGHTS[kind][delivery],
    })),
  ),
  ...SECOND,
  ...THROTTLED,
  ...DEBOUNCED,
  ...COUNTED,
]

/** Callers; each has entity workflows of its own. */
export const TENANTS = ['acme', 'globex'] as const
export type Tenant = (typeof TENANTS)[number]

/** The path that carries the number of a request to workflow code; the pattern of all of them, or what they begin with. */
export function pathOf({ namespace, held, kind, delivery }: Lane, n: number | '{n}' | ''): string {
  return `${namespace === 'second' ? '/second' : ''}${held === undefined ? '' : `/${held}`}/${kind}/${delivery}/${n}`
}

/** The number of the request with that path; undefined for others. */
export function numberOf(path: string): number | undefined {
  const text = /^(?:\/second|\/throttled|\/debounced)?\/(?:meter|signal|start|window)\/[a-z]+\/(\d+)$/.exec(path)?.[1]
  return text === undefined ? undefined : Number(text)
}

/**
 * Whether requests may have an idempotency key and be sent twice. What counts them would count both, and of those that are
 * debounced nobody could say which one is the later one.
 */
export function takesKey({ kind, held }: Lane): boolean {
  return kind !== 'window' && held !== 'debounced'
}

/** One workflow that gets the events of a rule and a tenant. */
export interface Entity {
  readonly lane: Lane
  readonly tenant: Tenant
  readonly workflowId: string
}

export const ENTITIES: readonly Entity[] = LANES.filter(({ kind }) => kind !== 'start').flatMap((lane) =>
  TENANTS.map((tenant) => ({ lane, tenant, workflowId: `${lane.rule}/${tenant}` })),
)
