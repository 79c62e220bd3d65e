/** A method that no rule names. */
export const UNKNOWN_METHOD = 0

/** Numbers for the methods that rules name, so that a request looks its method up once. */
export class MethodIds {
  readonly #ids = new Map<string, number>()

  /** The number of the method, from 1; made when it is new. */
  of(method: string): number {
    const known = this.#ids.get(method)
    if (known !== undefined) return known
    const id = this.#ids.size + 1
    this.#ids.set(method, id)
    return id
  }

  find(method: string): number {
    return this.#ids.get(method) ?? UNKNOWN_METHOD
  }
}

/** Indices of rules in ascending order, apart by method: those for any method, and those for some. */
export class RuleList {
  /** `undefined` instead of an empty list. */
  any: number[] | undefined
  #byMethod: (number[] | undefined)[] | undefined

  /**
   * @param index not below those that are in already; a second time it is left out
   * @param methods numbers; `undefined` for any
   */
  add(index: number, methods: readonly number[] | undefined): void {
    if (methods === undefined) {
      append((this.any ??= []), index)
      return
    }
    for (const method of methods) append(((this.#byMethod ??= [])[method] ??= []), index)
  }

  /** Those for the method and not for any. */
  only(method: number): readonly number[] | undefined {
    return this.#byMethod !== undefined && method < this.#byMethod.length ? this.#byMethod[method] : undefined
  }
}

function append(list: number[], index: number): void {
  if (list.at(-1) !== index) list.push(index)
}
