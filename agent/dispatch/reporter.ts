import type { Verdict } from './classify.ts'
import type { Gate } from './gate.ts'
import type { FromThread, Log, LogLevel, TemporalState } from './protocol.ts'

type Post = (message: FromThread) => void

/** A log whose lines travel to the hot side, which owns the process's log. */
export function forwardingLog(post: Post): Log {
  const line = (level: LogLevel) => (fields: object, message: string) => post({ type: 'log', level, fields, message })
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** Tells the operator how Temporal is, once per change and never once per call. */
export class Reporter {
  readonly #post: Post
  readonly #log: Log
  readonly #address: string
  #state: TemporalState = 'unknown'
  #cause: Gate['cause']
  #lastError: string | undefined

  constructor(post: Post, log: Log, address: string) {
    this.#post = post
    this.#log = log
    this.#address = address
  }

  /** Looks at one attempt's verdict and at the gate after it. */
  observe(verdict: Verdict, gate: Gate): void {
    const reason = 'reason' in verdict ? verdict.reason : undefined
    const cause = gate.cause
    const state = cause === 'unavailable' || cause === 'parked' ? 'unavailable' : this.#answered(verdict)
    const changed = state !== this.#state || cause !== this.#cause
    if (!changed && (reason === undefined || reason === this.#lastError)) return
    this.#lastError = reason ?? (changed ? undefined : this.#lastError)
    if (changed) this.#tell(state, cause, reason)
    this.#state = state
    this.#cause = cause
    this.#post({ type: 'state', temporal: state, lastError: this.#lastError })
  }

  #answered(verdict: Verdict): TemporalState {
    return verdict.kind === 'retry' && verdict.cause === 'timeout' ? this.#state : 'connected'
  }

  #tell(state: TemporalState, cause: Gate['cause'], err: string | undefined): void {
    const fields = { address: this.#address, ...(err === undefined ? {} : { err }) }
    if (cause === 'unavailable')
      this.#log.error(fields, 'Temporal does not answer: events wait and are delivered when it does')
    else if (cause === 'parked') {
      this.#log.error(fields, 'Temporal refuses the agent: check namespace, API key and certificates, events wait')
    } else if (cause === 'throttled') this.#log.warn(fields, 'Temporal asks for fewer calls: slowing down')
    else if (state === 'connected') this.#log.info(fields, 'Temporal takes events')
  }
}
