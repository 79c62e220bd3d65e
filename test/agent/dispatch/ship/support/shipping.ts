import { onTestFinished } from 'vitest'
import type { WorkflowAction } from '../../../../../agent/dispatch/command.ts'
import { Counters } from '../../../../../agent/dispatch/counters.ts'
import type { Parcel, ToStore } from '../../../../../agent/dispatch/parcel.ts'
import type { FromThread } from '../../../../../agent/dispatch/protocol.ts'
import type { Caller } from '../../../../../agent/dispatch/ship/caller.ts'
import { ShipEngine, type ShipParts } from '../../../../../agent/dispatch/ship/ship-engine.ts'
import { recordedLog, type RecordedLog } from '../../support/commands.ts'
import { actionOf, CALLER } from './parcels.ts'

export const RULES = ['orders', 'audit', 'usage', 'traffic', 'stop', 'kill']

const WAITS = {
  failed: [5, 20],
  timeout: [5, 20],
  busy: [30, 60],
  crowded: [5, 20],
  parked: [20, 40],
} as const
const PAUSES = { unavailable: [10, 40], overloaded: [10, 40], parked: [30, 30] } as const

export interface Shipping {
  readonly engine: ShipEngine
  readonly counters: Counters
  readonly log: RecordedLog
  /** How parcels ended, by handle: `delivered`, `deduplicated`, `recalled` or the reason of a dead letter. */
  readonly ended: Map<number, string>
  readonly told: ToStore[]
  readonly posted: FromThread[]
  /** Attempts of dead letters, by handle. */
  readonly attempts: Map<number, number>
  /** Hands parcels over that are all of one action. */
  readonly push: (over: Partial<WorkflowAction>, ...parcels: Parcel[]) => void
}

/** The ship thread without a thread, with short waits. */
export function shipping(
  connections: ShipParts['connections'],
  caller: Caller = CALLER,
  over: Partial<ShipParts> = {},
): Shipping {
  const counters = new Counters(RULES)
  const log = recordedLog()
  const ended: Shipping['ended'] = new Map()
  const attempts: Shipping['attempts'] = new Map()
  const told: ToStore[] = []
  const posted: FromThread[] = []
  const end = (handle: number, how: string): void => {
    if (ended.has(handle) && ended.get(handle) !== 'recalled') throw new Error(`${handle} ended twice`)
    ended.set(handle, how)
  }
  const engine = new ShipEngine({
    rules: RULES,
    shared: counters.shared,
    temporal: { address: 'fake:7233', namespace: caller.namespace },
    connections,
    caller,
    log,
    tellStore(message) {
      told.push(message)
      if (message.type === 'settled')
        message.handles.forEach((handle, i) => end(handle, message.outcomes[i] === 0 ? 'delivered' : 'deduplicated'))
      else if (message.type === 'recalled') for (const { handle } of message.parcels) end(handle, 'recalled')
      else if (message.type === 'dead')
        for (const letter of message.letters) {
          end(letter.parcel.handle, letter.reason)
          attempts.set(letter.parcel.handle, letter.attempts)
        }
    },
    post: (message) => posted.push(message),
    waits: WAITS,
    pauses: PAUSES,
    ...over,
  })
  onTestFinished(() => engine.stop())
  const actions = new Map<string, number>()
  return {
    engine,
    counters,
    log,
    ended,
    told,
    posted,
    attempts,
    push(settings, ...parcels) {
      const name = JSON.stringify(settings)
      let index = actions.get(name)
      if (index === undefined) {
        index = actions.size
        actions.set(name, index)
        engine.take({ type: 'actions', first: index, actions: [actionOf(settings)] })
      }
      const action = index
      engine.take({ type: 'parcels', parcels: parcels.map((one) => ({ ...one, action })) })
    },
  }
}
