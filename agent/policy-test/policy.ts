import { Actors } from '../actor/actors.ts'
import type { ConfigDocument } from '../config/document.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import type { AgentConfig } from '../config/schema.ts'
import { type Answer, Engine } from '../explain/engine.ts'
import type { AskedRequest } from '../explain/question.ts'
import { createRevocations } from '../identity/revocation/revocations.ts'
import type { CompiledRule } from '../rules/rule.ts'
import type { VerdictInput } from '../verdicts/verdict.ts'
import { VerdictTable } from '../verdicts/verdict-table.ts'
import { wordingOf } from '../wording.ts'
import { FreshLimiters } from './limiters.ts'
import { type Shown, StubAuthenticator } from './stub-authenticator.ts'

/** One question that a test asks. */
export interface Question {
  /** `connect` asks the rules for connections. */
  readonly message: 'check' | 'connect'
  /** With its time. */
  readonly request: AskedRequest & { readonly at: number }
  readonly shown: Shown
}

const SILENT = { info: () => {}, warn: () => {}, error: () => {} }

/**
 * A configuration at work: the agent's own handlers, with a stub for who calls, a clock that tests set, and nothing
 * behind them.
 */
export class Policy {
  readonly file: string
  readonly config: AgentConfig
  readonly document: ConfigDocument
  readonly #engine: Engine
  readonly #authenticator: StubAuthenticator
  readonly #verdicts: VerdictTable
  readonly #limiters: FreshLimiters
  /** Milliseconds since the epoch. */
  #now = 0

  /** @throws {ConfigError} the rules do not compile */
  constructor(file: string, loaded: LoadedConfig) {
    const { config, document } = loaded
    this.file = file
    this.config = config
    this.document = document
    this.#limiters = new FreshLimiters(() => this.#now)
    const revocations = createRevocations(undefined, { now: Date.now, monotonicMs: Date.now, log: SILENT })
    this.#verdicts = new VerdictTable({ revocations: () => revocations })
    this.#authenticator = new StubAuthenticator(config, revocations)
    this.#engine = new Engine(loaded, {
      authenticator: this.#authenticator,
      actors: new Actors(),
      wording: wordingOf(config, {
        authenticator: { retryAfterS: () => 1 },
        dpopNonce: () => undefined,
        rateLimitKey: undefined,
        resourceMetadata: () => undefined,
      }),
      limiters: this.#limiters,
      atOnce: true,
      verdicts: this.#verdicts,
    })
  }

  /** In the order of the file. */
  get rules(): readonly CompiledRule[] {
    return this.#engine.ruleSet.rules
  }

  /** Asks as HAProxy would. */
  ask({ message, request, shown }: Question): Answer {
    this.#now = request.at
    this.#authenticator.shown = shown
    const answer = this.#engine.ask(request, message)
    if (answer instanceof Promise) throw new Error('the stub of who calls has waited')
    return answer
  }

  /**
   * Begins anew, as an agent that has just started and to which workflows have said this.
   * @returns what takes the verdicts back
   */
  restart(verdicts: readonly VerdictInput[]): () => void {
    const table = this.#verdicts
    this.#limiters.forget()
    for (const verdict of verdicts) table.put(verdict)
    return () => {
      for (const { scope, key, provider } of verdicts) {
        table.remove({ scope, key, ...(provider !== undefined && { provider }) })
      }
    }
  }
}

/** @throws {ConfigError} with every problem of the configuration */
export function openPolicy(file: string, env: Readonly<Record<string, string>>): Policy {
  return new Policy(file, loadConfig(file, { ...process.env, ...env }))
}
