/** The keys of which a workflow section has exactly one. */
export const ACTIONS = [
  'start',
  'signal',
  'signalWithStart',
  'signalTo',
  'meter',
  'window',
  'cancel',
  'terminate',
] as const
export type ActionKey = (typeof ACTIONS)[number]

/** Those that start a workflow, if need be. */
const STARTING: readonly ActionKey[] = ['start', 'signal', 'signalWithStart', 'meter', 'window']
/** Those that start one for a request and hand it the event. */
const OF_REQUEST: readonly ActionKey[] = ['start', 'signal', 'signalWithStart']
const SIGNALS: readonly ActionKey[] = ['signal', 'signalWithStart', 'signalTo']
const KEYED: readonly ActionKey[] = ['signal', 'signalWithStart', 'meter', 'window']
const ENDING: readonly ActionKey[] = ['cancel', 'terminate']
const EVENTFUL: readonly ActionKey[] = ['start', ...SIGNALS]
const ALONE: readonly ActionKey[] = [...EVENTFUL, ...ENDING]
const SAMPLED: readonly ActionKey[] = [...EVENTFUL, 'meter']

const ENDED_DELAY = 'the next signal would end the delay; "debounce" waits'

interface Use {
  /** Actions that take the key. */
  readonly by: readonly ActionKey[]
  /** What the others are told, */
  readonly why: string
  /** and what some of them are told instead. */
  readonly instead?: Partial<Record<ActionKey, string>>
}

const OF_STARTS: Use = { by: STARTING, why: 'it starts nothing' }
const OF_ONE_START: Use = { by: OF_REQUEST, why: 'it starts no workflow for one request' }
const OF_EVENTS: Use = { by: EVENTFUL, why: 'it carries no event' }
const OF_WINDOW: Use = { by: ['window'], why: 'it is for "window"' }
const OF_METER: Use = { by: ['meter'], why: 'it is for "meter"' }
const OF_SAMPLED: Use = { by: SAMPLED, why: 'it must leave no request out' }
const PACED: Use = { by: ALONE, why: 'its requests go out together anyway, when "batch" or "every" says' }

/** Which action takes which key. Keys that are not here go with every action. */
export const USES: Readonly<Record<string, Use>> = {
  key: {
    by: KEYED,
    why: 'it belongs to no entity',
    instead: { start: 'it makes one workflow for each request; "idempotencyKey" makes one of several requests' },
  },
  id: { by: OF_REQUEST, why: 'its workflow id is given already' },
  signalName: { by: [...SIGNALS, 'meter', 'window'], why: 'it sends no signal' },
  reason: { by: ENDING, why: 'it ends nothing' },
  every: OF_WINDOW,
  maxKeys: OF_WINDOW,
  idempotencyKey: { by: [...ALONE, 'meter'], why: 'it counts responses, not events' },
  sample: OF_SAMPLED,
  budget: OF_SAMPLED,
  data: OF_EVENTS,
  query: OF_EVENTS,
  type: OF_EVENTS,
  idReuse: OF_STARTS,
  idConflict: { by: OF_REQUEST, why: 'a workflow that runs goes on' },
  timeouts: OF_STARTS,
  priority: OF_STARTS,
  memo: OF_ONE_START,
  searchAttributes: OF_ONE_START,
  startDelay: {
    by: ['start'],
    why: 'it is for "start"',
    instead: { signal: ENDED_DELAY, signalWithStart: ENDED_DELAY },
  },
  batch: OF_METER,
  shards: OF_METER,
  debounce: { by: EVENTFUL, why: 'it has no event of which the last one counts' },
  throttle: PACED,
  rateLimit: { by: [...ALONE, 'meter'], why: 'it must leave no request out' },
}

/** Whether the file gives the key: some have defaults. */
export function isGiven(workflow: Readonly<Record<string, unknown>>, key: string): boolean {
  const value = workflow[key]
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  if (key === 'query') return value === true
  if (key === 'sample') return value !== 1
  return value !== undefined
}

/** The action of a section that has been checked. */
export function actionOf(workflow: Readonly<Partial<Record<ActionKey, unknown>>>): ActionKey {
  return ACTIONS.find((action) => workflow[action] !== undefined) ?? 'start'
}
