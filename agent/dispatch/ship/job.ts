import type { CallOptions } from '../command.ts'
import type { Parcel } from '../parcel.ts'
import type { ShipAction } from './action.ts'
import type { Lane } from './lane.ts'

const NO_OPTIONS: CallOptions = {}

/** One call to Temporal: one event, or the chunks of a batch. */
export class Job {
  readonly action: ShipAction
  /** At least one, and of a batch the same ones at each attempt: its request id is made of them. */
  readonly parcels: readonly Parcel[]
  /** Its jobs run one at a time and in order. */
  readonly lane: Lane
  /** Attempts that ended, whatever their end. */
  attempts = 0
  /** Why the latest attempt failed, or why there is none. */
  lastReason = ''
  /** Search attributes of its own are what Temporal refuses, so it goes without any. */
  withoutAttributes = false
  /** Whether the latest request lacked search attributes that it should have had. */
  unindexed = false
  /** A signal found no workflow, and starts it next. */
  noWorkflow = false
  /** First run of the workflow that it ends; empty: whichever runs. Undefined: not looked up. */
  chain: string | undefined
  /** What it was refused for, and whether that is over. */
  denial: { readonly isOver: boolean } | undefined
  #call: CallOptions | undefined

  constructor(action: ShipAction, parcels: readonly Parcel[], lane: Lane) {
    this.action = action
    this.parcels = parcels
    this.lane = lane
  }

  /** The parcel that stands for all of them. */
  get first(): Parcel {
    const [first] = this.parcels
    if (first === undefined) throw new TypeError('a job has at least one parcel')
    return first
  }

  /** @throws SyntaxError when the parcel's options are no JSON */
  get call(): CallOptions {
    const { call } = this.first
    return (this.#call ??= call === '' ? NO_OPTIONS : (JSON.parse(call) as CallOptions))
  }
}
