import type { Fallback, Reply } from './api.ts'
import { SpopError } from './errors.ts'
import { ActionWriter, type VariableValue } from './protocol/ack.ts'
import { SCOPES, type Scope, type VariableNames } from './protocol/variable.ts'
import type { Reporter } from './report.ts'

/** What a settled reply holds instead of a writer. */
const NO_ACTIONS = new ActionWriter()

/**
 * The reply handlers write to. The dispatcher shares one among all synchronous handlers. An asynchronous one has a
 * reply for itself: that object is never used again, so a late write cannot end up in another request's ACK.
 */
export class ActionReply implements Reply {
  readonly #names: VariableNames
  readonly #reporter: Reporter
  #actions: ActionWriter
  #limit = 0
  #message = ''
  #fallback: Fallback | undefined = undefined
  #settled = true

  constructor(names: VariableNames, reporter: Reporter, actions: ActionWriter) {
    this.#names = names
    this.#reporter = reporter
    this.#actions = actions
  }

  get settled(): boolean {
    return this.#settled
  }

  get overflows(): boolean {
    return this.#actions.overflow
  }

  /** Bytes of actions that fit. */
  get limit(): number {
    return this.#limit
  }

  get actions(): ActionWriter {
    return this.#actions
  }

  get message(): string {
    return this.#message
  }

  /** What fills it where the handlers cannot: the fallback that came with them, also when others have taken over. */
  get fallback(): Fallback | undefined {
    return this.#fallback
  }

  /** Opens the reply for an ACK with at most `limit` bytes of actions to a NOTIFY that begins with this message. */
  begin(limit: number, message: string, fallback: Fallback | undefined): void {
    this.#limit = limit
    this.#message = message
    this.#fallback = fallback
    this.#actions.reset(limit)
    this.#settled = false
  }

  discard(): void {
    this.#actions.reset(this.#limit)
  }

  /** Ignores what comes later. */
  settle(): void {
    this.#settled = true
  }

  /** Settles for good and gives the writer back for another reply. */
  release(): ActionWriter {
    const actions = this.#actions
    this.#settled = true
    this.#actions = NO_ACTIONS
    return actions
  }

  setVar(scope: Scope, name: string, value: VariableValue): void {
    if (this.#isLate()) return
    try {
      this.#actions.setVar(scopeCode(scope), this.#names.encode(scope, name), value)
    } catch (error) {
      this.#reporter.variableRefused(error)
    }
  }

  unsetVar(scope: Scope, name: string): void {
    if (this.#isLate()) return
    try {
      this.#actions.unsetVar(scopeCode(scope), this.#names.encode(scope, name))
    } catch (error) {
      this.#reporter.variableRefused(error)
    }
  }

  #isLate(): boolean {
    if (this.#settled) this.#reporter.counters.lateVariables++
    return this.#settled
  }
}

function scopeCode(scope: Scope): number {
  // A switch, not SCOPES[scope]: that would also find what Object.prototype has.
  switch (scope) {
    case 'txn':
      return SCOPES.txn
    case 'sess':
      return SCOPES.sess
    case 'proc':
      return SCOPES.proc
    case 'req':
      return SCOPES.req
    case 'res':
      return SCOPES.res
    default:
      throw new SpopError('ERR_SPOP_VARIABLE_SCOPE', String(scope).slice(0, 100))
  }
}
