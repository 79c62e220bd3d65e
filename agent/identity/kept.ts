/**
 * What must not be forgotten when the configuration is read again, whatever it says then: proofs and signatures that were
 * used, and revocations that somebody added. Whoever captured a request could otherwise replay it after each reload. One
 * for each process; what the settings of a provider change about such a store is told to it, it is never made anew.
 */
export class Kept {
  readonly #stores = new Map<string, unknown>()

  /**
   * The store of this kind and name, made if there is none.
   * @param kind always of one type
   * @param name of the provider
   */
  get<T>(kind: string, name: string, make: () => T): T {
    const key = JSON.stringify([kind, name])
    if (!this.#stores.has(key)) this.#stores.set(key, make())
    return this.#stores.get(key) as T
  }
}
