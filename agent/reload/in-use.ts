import type { Handlers } from 'node-spoe'

/** Counts the requests that a generation has not answered yet: those that wait for something. The others end at once. */
export class InUse {
  #waiting = 0
  #idle: (() => void) | undefined

  /** The same handlers, counted. */
  count({ messages, ...rest }: Handlers): Handlers {
    const counted = Object.entries(messages).map(([name, handler]): [string, typeof handler] => {
      if (handler.sync === true) return [name, handler]
      return [
        name,
        {
          ...handler,
          handle: (view, reply) => {
            const result = handler.handle(view, reply)
            if (result !== undefined) this.#until(result)
            return result
          },
        },
      ]
    })
    return { ...rest, messages: Object.fromEntries(counted) }
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Resolves when nothing waits; requests that begin later do not keep it. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting === 0) resolve()
      else this.#idle = resolve
    })
  }

  #until(result: Promise<void>): void {
    this.#waiting++
    const done = (): void => {
      this.#waiting--
      if (this.#waiting === 0) this.#idle?.()
    }
    // Whoever gave it to us sees a rejection too.
    result.then(done, done)
  }
}
