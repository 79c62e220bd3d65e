import { Deque } from '../deque.ts'

interface Tenant<T> {
  readonly name: string
  readonly ready: Deque<T>
}

/** What is ready, taken in turns: one of each tenant, then the next of each. A tenant costs memory only while it waits. */
export class Turns<T> {
  #ring = new Deque<Tenant<T>>()
  readonly #tenants = new Map<string, Tenant<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Puts a value behind the others of its tenant. */
  push(tenant: string, value: T): void {
    this.#of(tenant).push(value)
    this.#size++
  }

  /** Puts a value before the others of its tenant; whose turn it is stays as it is. */
  pushFront(tenant: string, value: T): void {
    this.#of(tenant).pushFront(value)
    this.#size++
  }

  /** Takes the next value out. */
  next(): T | undefined {
    const tenant = this.#ring.shift()
    if (tenant === undefined) return undefined
    const value = tenant.ready.shift()
    this.#size--
    this.#goOn(tenant)
    return value
  }

  /** Drops the values for which `keep` is false. */
  retain(keep: (value: T) => boolean): void {
    const ring = this.#ring
    this.#ring = new Deque()
    this.#size = 0
    for (let tenant = ring.shift(); tenant !== undefined; tenant = ring.shift()) {
      tenant.ready.retain(keep)
      this.#size += tenant.ready.size
      this.#goOn(tenant)
    }
  }

  #goOn(tenant: Tenant<T>): void {
    if (tenant.ready.size > 0) this.#ring.push(tenant)
    else this.#tenants.delete(tenant.name)
  }

  #of(name: string): Deque<T> {
    let tenant = this.#tenants.get(name)
    if (tenant === undefined) {
      tenant = { name, ready: new Deque() }
      this.#tenants.set(name, tenant)
      this.#ring.push(tenant)
    }
    return tenant.ready
  }
}
