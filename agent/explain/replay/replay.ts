import type { LoadedConfig } from '../../config/load.ts'
import type { Secrets } from '../secrets.ts'
import { type Change, Comparison, type Example, type Summary } from './comparison.ts'
import { readHar, readLog } from './read.ts'
import { OTHER, type Outcome, type RecordedRequest, withHost } from './recorded.ts'
import { type CallersFrom, Side, type Told } from './side.ts'

export interface ReplayOptions {
  readonly har?: string | undefined
  readonly log?: string | undefined
  /** Host of requests whose record has none. */
  readonly host?: string | undefined
  readonly callers: CallersFrom
  readonly examples: number
  readonly timeoutMs: number
  readonly progress: (text: string) => void
}

export interface Replay {
  /** `agent.yaml`, or `the records`. */
  readonly before: string
  readonly after: string
  readonly changes: readonly Change[]
  readonly unsureChanges: readonly Change[]
  readonly summary: Summary
}

/** Requests between two lines of progress. */
const PROGRESS = 100_000

/**
 * Puts recorded requests to two configurations, or to one and compares with what was recorded.
 * @param against undefined: what the records say is "before", and `loaded` is "after"
 * @throws {UserError} EXPLAIN_INPUT when the file cannot be read
 * @throws {ConfigError} when the rules of one of them do not compile
 */
export async function replay(
  loaded: LoadedConfig,
  against: LoadedConfig | undefined,
  options: ReplayOptions,
): Promise<Replay> {
  const { har, log, host, examples, progress } = options
  const first = await Side.open(loaded, options)
  let second: Side | undefined
  try {
    second = against === undefined ? undefined : await Side.open(against, options)
    const comparison = new Comparison(
      examples,
      (record) => exampleOf(record, first.secretsOf(record)),
      against !== undefined,
    )
    for await (const read of har === undefined ? readLog(log ?? '') : readHar(har)) {
      if (read === 'unparsable') comparison.unparsable++
      else if (read === OTHER) comparison.other++
      else {
        const record = withHost(read, host)
        const pending = first.tell(record)
        const one = pending instanceof Promise ? await pending : pending
        const other = second === undefined ? recordedOf(record) : second.tell(record)
        const two = other instanceof Promise ? await other : other
        if (two === undefined) comparison.other++
        else if (second === undefined) comparison.add(record, two, one)
        else comparison.add(record, one, two)
        if (comparison.requests % PROGRESS === 0 && comparison.requests > 0) {
          progress(`${comparison.requests} requests`)
        }
      }
    }
    return {
      before: against === undefined ? 'the records' : loaded.document.file,
      after: against === undefined ? loaded.document.file : against.document.file,
      changes: comparison.changes(),
      unsureChanges: comparison.unsureChanges(),
      summary: comparison.summary(),
    }
  } finally {
    first.close()
    second?.close()
  }
}

function recordedOf({ outcome }: RecordedRequest): Told | undefined {
  return outcome === undefined ? undefined : { outcome: comparable(outcome), missing: [] }
}

/** A request that was allowed has the status of its server in the log. */
function comparable(outcome: Outcome): Outcome {
  return outcome.decision === 'allow' ? { ...outcome, status: 200 } : outcome
}

/** A path may hold what looks like a credential, or the one of the request. */
function exampleOf({ request, caller }: RecordedRequest, secrets: Secrets): Example {
  const { id, method, host, path } = request
  const who = caller && [caller.provider, caller.subject].filter((part) => part !== undefined).join('/')
  return secrets.cleanAll({ id, method, host, path, caller: who })
}
