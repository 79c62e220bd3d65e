/** What has been started, so that it can be stopped in the opposite order, also after a start that failed half-way. */
export class Cleanup {
  readonly #steps: (() => Promise<void> | void)[] = []
  readonly #errors: unknown[] = []
  #running: Promise<void> | undefined
  #busy = false

  /** Whether stopping has begun: what is started from now on is stopped at once. */
  get stopping(): boolean {
    return this.#running !== undefined
  }

  /** Ends a start that goes on while everything is being stopped. */
  throwIfStopping(): void {
    if (this.stopping) throw new Error('stopped before it was ready')
  }

  /** @param step comes next when everything is being stopped already, and whoever waits for {@link run} waits for it */
  add(step: () => Promise<void> | void): void {
    this.#steps.push(step)
    if (!this.stopping || this.#busy) return
    this.#running = this.#run()
    // Nobody may ever ask for this round; its errors are told to whoever calls run().
    this.#running.catch(() => {})
  }

  /** Runs every step once, last first; a step that fails does not keep the others from running. */
  run(): Promise<void> {
    return (this.#running ??= this.#run())
  }

  async #run(): Promise<void> {
    this.#busy = true
    // The first step runs only when "stopping" says so, also to itself.
    await Promise.resolve()
    // Not over a copy: a step that is added meanwhile belongs to this round.
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        this.#errors.push(error)
      }
    }
    this.#busy = false
    if (this.#errors.length === 0) return
    throw new AggregateError(this.#errors, `stopping failed: ${this.#errors.map(String).join('; ')}`)
  }
}
