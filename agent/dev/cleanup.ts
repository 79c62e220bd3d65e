/** What has been started, so that it can be stopped in the opposite order, also after a start that failed half-way. */
export class Cleanup {
  readonly #steps: (() => Promise<void> | void)[] = []
  #running: Promise<void> | undefined

  /** @param step runs at once when everything is being stopped already */
  add(step: () => Promise<void> | void): void {
    this.#steps.push(step)
    if (this.#running !== undefined) this.#running = this.#running.finally(() => this.#run())
  }

  /** Runs every step once, last first; a step that fails does not keep the others from running. */
  run(): Promise<void> {
    return (this.#running ??= this.#run())
  }

  async #run(): Promise<void> {
    const errors: unknown[] = []
    for (const step of this.#steps.splice(0).toReversed()) {
      try {
        await step()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `stopping failed: ${errors.map(String).join('; ')}`)
  }
}
