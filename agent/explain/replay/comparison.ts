import type { Fact, Outcome, RecordedRequest } from './recorded.ts'
import type { Told } from './side.ts'

/** A request that shows a change. */
export interface Example {
  readonly id: string | undefined
  readonly method: string
  readonly host: string
  readonly path: string
  /** Provider and subject, where they were noted. */
  readonly caller: string | undefined
}

/** Requests that were decided in one way and now are in another. */
export interface Change {
  readonly before: Outcome
  readonly after: Outcome
  count: number
  readonly examples: Example[]
}

/** What came of a replay. */
export interface Summary {
  readonly requests: number
  readonly same: number
  readonly changed: number
  /** They differ, but one of the decisions rests on what the records do not tell. */
  readonly unsure: number
  /** Those of `same` that rest on such facts on both sides. */
  readonly sameUnsure: number
  /** How often which fact was missing, among all. */
  readonly missing: Readonly<Partial<Record<Fact, number>>>
  readonly unparsable: number
  /** Lines of requests that the agent was not asked about. */
  readonly other: number
}

/** Kinds of changes that are told apart: the names of rules and routes bound them, so hardly ever are there so many. */
const MAX_CHANGES = 10_000

/** Counts what changes, in memory that does not grow with the number of requests. */
export class Comparison {
  #same = 0
  #changed = 0
  #unsure = 0
  #sameUnsure = 0
  unparsable = 0
  other = 0
  readonly #missing = new Map<Fact, number>()
  readonly #changes = new Map<string, Change>()
  readonly #unsureChanges = new Map<string, Change>()
  readonly #maxExamples: number
  readonly #exampleOf: (record: RecordedRequest) => Example
  readonly #withRoute: boolean

  /**
   * @param exampleOf leaves out what must not be shown
   * @param withRoute false where records do not tell what route there was
   */
  constructor(maxExamples: number, exampleOf: (record: RecordedRequest) => Example, withRoute = true) {
    this.#maxExamples = maxExamples
    this.#exampleOf = exampleOf
    this.#withRoute = withRoute
  }

  get requests(): number {
    return this.#same + this.#changed + this.#unsure
  }

  add(record: RecordedRequest, before: Told, after: Told): void {
    const facts = new Set([...before.missing, ...after.missing])
    for (const fact of facts) this.#missing.set(fact, (this.#missing.get(fact) ?? 0) + 1)
    const [from, to] = [this.#keyOf(before.outcome), this.#keyOf(after.outcome)]
    if (from === to) {
      this.#same++
      if (facts.size > 0) this.#sameUnsure++
      return
    }
    if (facts.size === 0) this.#changed++
    else this.#unsure++
    const changes = facts.size === 0 ? this.#changes : this.#unsureChanges
    const key = `${from}\n${to}`
    let change = changes.get(key)
    if (change === undefined) {
      if (changes.size >= MAX_CHANGES) return
      change = { before: before.outcome, after: after.outcome, count: 0, examples: [] }
      changes.set(key, change)
    }
    change.count++
    if (change.examples.length < this.#maxExamples) change.examples.push(this.#exampleOf(record))
  }

  /** Those that are sure, the most frequent first. */
  changes(): Change[] {
    return byCount(this.#changes)
  }

  /** Those that rest on facts which are missing. */
  unsureChanges(): Change[] {
    return byCount(this.#unsureChanges)
  }

  summary(): Summary {
    return {
      requests: this.requests,
      same: this.#same,
      changed: this.#changed,
      unsure: this.#unsure,
      sameUnsure: this.#sameUnsure,
      missing: Object.fromEntries(this.#missing) as Partial<Record<Fact, number>>,
      unparsable: this.unparsable,
      other: this.other,
    }
  }

  #keyOf({ rule, decision, status, route }: Outcome): string {
    return `${rule ?? ''} ${decision} ${status} ${this.#withRoute ? (route ?? '') : ''}`
  }
}

function byCount(changes: ReadonlyMap<string, Change>): Change[] {
  return [...changes.values()].toSorted((a, b) => b.count - a.count)
}
