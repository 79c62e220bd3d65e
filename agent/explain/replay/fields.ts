/** Reads members of a value of unknown shape. */
export class Fields {
  readonly #value: unknown

  constructor(value: unknown) {
    this.#value = value
  }

  /** @param path names with dots between them */
  at(path: string): unknown {
    let value = this.#value
    for (const name of path.split('.')) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
      value = (value as Record<string, unknown>)[name]
    }
    return value
  }

  /** Undefined where there is no text. */
  text(path: string): string | undefined {
    const value = this.at(path)
    return typeof value === 'string' ? value : undefined
  }

  number(path: string): number | undefined {
    const value = this.at(path)
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined
  }

  texts(path: string): string[] | undefined {
    const value = this.at(path)
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined
  }
}
