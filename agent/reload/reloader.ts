import { type Common, type Foundation, generationOf, type Prepared, prepare } from './assemble.ts'
import { type Generation, release } from './generation.ts'
import { type Changes, changesOf } from './outline.ts'
import { placed, problemsOf, type ReloadProblem } from './problems.ts'
import type { ValidConfig } from './valid-config.ts'

/** Who asked for it. */
export type ReloadTrigger = 'signal' | 'file' | 'admin'

/** Problems that one log line holds. */
const MAX_LOGGED = 20

export type ReloadResult =
  | {
      readonly ok: true
      /** The one in force now. */
      readonly generation: number
      readonly hash: string
      /** False when the file says what is in force already: nothing was replaced then. */
      readonly replaced: boolean
      readonly changes: Changes
      readonly pendingRestart: readonly string[]
    }
  | {
      readonly ok: false
      /** The one that stays in force. */
      readonly generation: number
      /** `invalid`: the file is wrong. `not_ready`: it is right, but cannot be put in force now. */
      readonly cause: 'invalid' | 'not_ready' | 'stopping'
      readonly problems: readonly ReloadProblem[]
    }

/** For `/status` and metrics. */
export interface ConfigStatus {
  readonly file: string
  readonly generation: number
  readonly hash: string
  /** When the generation was put in force, ISO 8601. */
  readonly loadedAt: string
  readonly rules: number
  /** Keys whose values in the file wait for a restart. */
  readonly pendingRestart: readonly string[]
  /** Requests that former generations have not answered yet. */
  readonly formerWaiting: number
  /** Since the start. */
  readonly reloads: { readonly ok: number; readonly unchanged: number; readonly failed: number }
  /** The start, where there was none since. */
  readonly last: {
    readonly at: string
    readonly trigger: ReloadTrigger | 'start'
    readonly ok: boolean
    readonly problems?: readonly ReloadProblem[]
  }
}

export interface ReloaderOptions extends Foundation, Common {
  /** Reads and checks the file. @throws {ConfigError} */
  readonly load: () => Promise<ValidConfig>
  readonly file: string
  readonly first: Generation
  /** Puts a generation in force, at once. */
  readonly swap: (next: Generation) => void
}

/**
 * Reads the configuration again and puts it in force: as a whole or not at all. What is in force stays until the new one
 * is validated, compiled and warm; requests meet the one or the other.
 */
export class Reloader {
  readonly #options: ReloaderOptions
  #current: Generation
  /** Replaced, but with requests that are not answered. */
  readonly #former = new Set<Generation>()
  #running: Promise<ReloadResult> | undefined
  /** Behind the one that runs: what changed since that one read the file. */
  #next: Promise<ReloadResult> | undefined
  #stopping = false
  readonly #reloads = { ok: 0, unchanged: 0, failed: 0 }
  #last: ConfigStatus['last']

  constructor(options: ReloaderOptions) {
    this.#options = options
    this.#current = options.first
    this.#last = { at: new Date(options.first.loadedAt).toISOString(), trigger: 'start', ok: true }
  }

  /** The generation that requests meet now. */
  get current(): Generation {
    return this.#current
  }

  /** Generations that are not closed, the one in force last. */
  get open(): readonly Generation[] {
    return [...this.#former, this.#current]
  }

  /**
   * Reads the file after this call, never before it, and one reload at a time: calls during a reload share the next one.
   * Never rejects.
   */
  reload(trigger: ReloadTrigger): Promise<ReloadResult> {
    if (this.#running === undefined) return (this.#running = this.#run(trigger))
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      return (this.#running = this.#run(trigger))
    })
    return this.#next
  }

  status(): ConfigStatus {
    const { number: generation, hash, loadedAt, config, pendingRestart } = this.#current
    return {
      file: this.#options.file,
      generation,
      hash,
      loadedAt: new Date(loadedAt).toISOString(),
      rules: config.rules.length,
      pendingRestart,
      formerWaiting: [...this.#former].reduce((waiting, generation) => waiting + generation.waiting, 0),
      reloads: { ...this.#reloads },
      last: this.#last,
    }
  }

  /** No more reloads. Resolves when none runs. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#next
    await this.#running
  }

  /** Closes every generation, whatever still waits. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.open.map((generation) => generation.close()))
  }

  async #run(trigger: ReloadTrigger): Promise<ReloadResult> {
    let result: ReloadResult
    try {
      result = await this.#attempt()
    } catch (error) {
      const problems = problemsOf(error)
      const cause = error instanceof Error && error.name === 'NotReadyError' ? 'not_ready' : 'invalid'
      result = { ok: false, generation: this.#current.number, cause, problems }
    }
    this.#running = undefined
    this.#tell(trigger, result)
    return result
  }

  async #attempt(): Promise<ReloadResult> {
    if (this.#stopping) return this.#refusedAsStopping()
    const former = this.#current
    const valid = await this.#options.load()
    const { number: generation, hash, pendingRestart } = former
    if (valid.hash === hash) {
      return { ok: true, generation, hash, replaced: false, changes: {}, pendingRestart }
    }
    const prepared = await prepare(valid, this.#options, former)
    if (this.#stopping) {
      await release(prepared.parts)
      return this.#refusedAsStopping()
    }
    // From here to the end nothing waits: a request meets the former generation or the next.
    const next = this.#swap(prepared, former)
    this.#current = next
    this.#former.add(former)
    void former.retire().then(() => this.#former.delete(former))
    return {
      ok: true,
      generation: next.number,
      hash: next.hash,
      replaced: true,
      changes: changesOf(former.outline, next.outline),
      pendingRestart: next.pendingRestart,
    }
  }

  /** @throws {Error} a defect of ours: then nothing has changed */
  #swap(prepared: Prepared, former: Generation): Generation {
    try {
      const next = generationOf(prepared, this.#options, former)
      this.#options.swap(next)
      // Not before: what fails until then leaves the accounts of callers as they are.
      this.#options.limiters.retain(prepared.ruleSet.limiterIds)
      return next
    } catch (error) {
      void release(prepared.parts)
      throw error
    }
  }

  #refusedAsStopping(): ReloadResult {
    const problem = { code: 'RELOAD_STOPPING', message: 'the agent is stopping', hint: 'Ask the one that follows it.' }
    return { ok: false, generation: this.#current.number, cause: 'stopping', problems: [problem] }
  }

  #tell(trigger: ReloadTrigger, result: ReloadResult): void {
    const { log, file } = this.#options
    const at = new Date().toISOString()
    const { generation } = result
    if (!result.ok) {
      this.#reloads.failed++
      this.#last = { at, trigger, ok: false, problems: result.problems }
      const [first, ...others] = result.problems.map(placed)
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`
      const problems = result.problems.slice(0, MAX_LOGGED)
      log.error(
        { trigger, generation, cause: result.cause, problems },
        `configuration not reloaded, generation ${generation} stays in force: ${first}${more}`,
      )
      return
    }
    this.#last = { at, trigger, ok: true }
    const { hash, changes, pendingRestart } = result
    if (!result.replaced) {
      this.#reloads.unchanged++
      log.info({ trigger, generation, hash }, `configuration unchanged: generation ${generation} stays in force`)
      return
    }
    this.#reloads.ok++
    log.info(
      { trigger, generation, hash, changes, file },
      `configuration reloaded: generation ${generation} is in force`,
    )
    if (pendingRestart.length > 0) {
      log.warn({ generation, pendingRestart }, `these keys need a restart: ${pendingRestart.join(', ')}`)
    }
  }
}
