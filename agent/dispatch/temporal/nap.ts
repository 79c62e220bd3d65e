/** A pause that somebody may end. It keeps no process alive. */
export class Nap {
  #wake: (() => void) | undefined

  async take(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  end(): void {
    this.#wake?.()
  }
}
