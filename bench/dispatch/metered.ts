import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Command, WorkflowAction } from '../../agent/dispatch/command.ts'
import type { Dispatcher } from '../../agent/dispatch/dispatcher.ts'

/** Metered events as a rule makes them: durable, spread over some keys. */
export class MeteredEvents {
  readonly #action: WorkflowAction = {
    kind: 'meter',
    rule: 'usage',
    workflowType: 'usageMeter',
    taskQueue: 'bench',
    delivery: 'durable',
  }
  readonly #keys: readonly string[]
  readonly #run = Date.now().toString(16).toUpperCase()
  #serial = 0

  constructor(keys: number) {
    this.#keys = Array.from({ length: keys }, (_, i) => `tenant-${i}`)
  }

  /** One that is like none before. */
  next(): Command {
    const serial = this.#serial++
    // Time comes first in ids, as in HAProxy's unique-id.
    const id = `usage/${this.#run}-${serial.toString(16).padStart(8, '0')}`
    const key = this.#keys[serial % this.#keys.length] ?? ''
    const at = Date.now()
    return {
      action: this.#action,
      id,
      at,
      workflowId: `usage/${this.#run}/${key}`,
      key,
      tenant: key,
      body: { id, at, method: 'GET', path: '/api/orders/17', subject: 'user-7' },
    }
  }
}

export interface Offered {
  /** Events a second from the first one to the moment at which Temporal had all of them. */
  readonly perS: number
  /** 99th percentile of the delay of the loop that offers them, in milliseconds: what a decision would have waited. */
  readonly loopP99Ms: number
}

/** Milliseconds between two looks at the clock. */
const SLICE_MS = 1
/** Events of one turn of the loop at most: after a delay an agent's sockets are read turn by turn too. */
const TURN = 128

/** Offers events at an even rate for some seconds, in the loop of this thread, and waits until all are delivered. */
export async function offer(
  dispatcher: Dispatcher,
  events: MeteredEvents,
  { perS, seconds }: { readonly perS: number; readonly seconds: number },
): Promise<Offered> {
  const before = dispatcher.counters().total
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  const total = perS * seconds
  let sent = 0
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * perS))
    for (const end = Math.min(due, sent + TURN); sent < end; sent++) {
      if (!dispatcher.dispatch(events.next())) throw new Error('shed: this would measure something else')
    }
    await new Promise((resolve) => (sent < due ? setImmediate(resolve) : setTimeout(resolve, SLICE_MS)))
  }
  delay.disable()
  await delivered(dispatcher, before.delivered + total)
  const elapsedS = (performance.now() - started) / 1000
  return { perS: total / elapsedS, loopP99Ms: delay.percentile(99) / 1e6 }
}

/** Waits until so many events are delivered in all. */
export async function delivered(dispatcher: Dispatcher, count: number): Promise<void> {
  for (;;) {
    const { total } = dispatcher.counters()
    if (total.delivered >= count) return
    if (total.deadLettered + total.deduplicated + total.shed > 0)
      throw new Error(`not delivered: ${JSON.stringify(total)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
