import type { Delivery } from '../../agent/dispatch/command.ts'
import type { Lane } from './lanes.ts'

/** Signals and starts cost the dev server far more than records, so there are fewer of them. */
const WEIGHTS: Readonly<Record<'meter' | 'signal' | 'start', Readonly<Record<Delivery, number>>>> = {
  meter: { memory: 12, durable: 20, strict: 18 },
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

/** Their requests are sent some time after those of the lanes whose workflows they end, so they have no share of their own. */
const [TERMINATE, CANCEL]: readonly [Lane, Lane] = [
  { kind: 'terminate', delivery: 'durable', namespace: 'default', rule: 'terminate-durable', weight: 0 },
  { kind: 'cancel', delivery: 'strict', namespace: 'default', rule: 'cancel-strict', weight: 0 },
]

/** Rules that belong together have the same class: so an end does not come before its start. */
const ENDED: readonly Lane[] = [TERMINATE, CANCEL].map((endedBy) => ({
  kind: 'start',
  delivery: endedBy.delivery,
  namespace: 'default',
  endedBy,
  rule: `ended-start-${endedBy.delivery}`,
  weight: 1,
}))

/** Every kind of action with every class of delivery, some of them in the second namespace, some held back, counted or ended. */
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
  ...ENDED,
  TERMINATE,
  CANCEL,
]
