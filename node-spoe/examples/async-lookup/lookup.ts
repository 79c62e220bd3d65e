/** Answers kept, at most. The oldest goes first; a flood of keys costs memory only up to here. */
const MAX_KEPT = 10_000

/** A slow source behind a small cache, asked once for a key however many ask for it at the same time. */
export class Lookup<Value extends object> {
  readonly #load: (key: string) => Promise<Value>
  readonly #ttlMs: number
  readonly #kept = new Map<string, { readonly value: Value; readonly until: number }>()
  readonly #loading = new Map<string, Promise<Value>>()

  constructor(load: (key: string) => Promise<Value>, ttlMs: number) {
    this.#load = load
    this.#ttlMs = ttlMs
  }

  /** What is known already. */
  peek(key: string): Value | undefined {
    const entry = this.#kept.get(key)
    return entry !== undefined && entry.until > performance.now() ? entry.value : undefined
  }

  /** Asks the source, or joins whoever asks it already. An error is not kept: the next one asks again. */
  load(key: string): Promise<Value> {
    const others = this.#loading.get(key)
    if (others !== undefined) return others
    const loading = this.#load(key)
      .then((value) => this.#keep(key, value))
      .finally(() => this.#loading.delete(key))
    this.#loading.set(key, loading)
    return loading
  }

  #keep(key: string, value: Value): Value {
    // Deleted first, so that the order of the map is the order of age.
    this.#kept.delete(key)
    this.#kept.set(key, { value, until: performance.now() + this.#ttlMs })
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
    return value
  }
}
