/** Rows that wait on disk apart: of a rule that holds back, of a namespace, or of one lane of it. */
export interface Siding {
  readonly kind: 'rule' | 'namespace' | 'lane'
  /** The rule, or the namespace. */
  readonly name: string
  /** Of a lane. */
  readonly workflowId: string
  /** The newest row that was read. */
  cursor: number
  /** The lane that the row behind the cursor waits for; undefined: it waits for nothing else. */
  behind: { readonly namespace: string; readonly workflowId: string } | undefined
  /** Of a namespace: it does not get free by itself, so lanes that have much have to wait apart from the others. */
  stalled: boolean
  /** Where the cursor was at the last look. */
  seen: number
}

/** Lanes of one namespace that may wait apart. Each of them has some hundred rows in memory, so there are seldom more. */
const MOST_LANES = 256

/**
 * What waits on disk apart from all others, because it has as much in memory as it may. Whoever reads pages passes these
 * rows: the reader of all rows those of rules and namespaces, and either it or the reader of their namespace those of lanes.
 * Each siding has a cursor of its own behind that of whoever passes its rows, and ends when it has come as far. All that
 * comes meanwhile joins its end, so events of a lane keep their order.
 *
 * Events that something holds back are a matter of their rule, all others of their namespace and lane, and never of both.
 */
export class Sidings {
  readonly #rules = new Map<string, Siding>()
  readonly #namespaces = new Map<string, Siding>()
  /** By namespace, then by workflow id. */
  readonly #lanes = new Map<string, Map<string, Siding>>()
  /** All of them; the one that was read from last is the last. */
  readonly #turns = new Set<Siding>()
  /** Rows of strict events that wait for the answer to their request: a siding is not read beyond them. */
  readonly unanswered = new Set<number>()

  get size(): number {
    return this.#turns.size
  }

  /** Those first that have not been read from for the longest time. What is read from comes once more, at the end. */
  get inTurn(): Iterable<Siding> {
    return this.#turns
  }

  /** Namespaces of which lanes wait apart. */
  get lanedNamespaces(): readonly string[] {
    return [...this.#lanes.keys()]
  }

  ofRule(rule: string): Siding | undefined {
    return this.#rules.get(rule)
  }

  ofNamespace(namespace: string): Siding | undefined {
    return this.#namespaces.get(namespace)
  }

  ofLane(namespace: string, workflowId: string): Siding | undefined {
    return this.#lanes.get(namespace)?.get(workflowId)
  }

  /** Workflow ids of the lanes of a namespace that wait apart. */
  lanesOf(namespace: string): readonly string[] {
    return [...(this.#lanes.get(namespace)?.keys() ?? [])]
  }

  /** From now on the rows of the rule behind `seq` wait apart. */
  beginRule(rule: string, seq: number): void {
    this.#rules.set(rule, this.#begin('rule', rule, '', seq))
  }

  /** From now on the rows of the namespace behind `seq` wait apart. */
  beginNamespace(namespace: string, seq: number): void {
    this.#namespaces.set(namespace, this.#begin('namespace', namespace, '', seq))
  }

  /** From now on the rows of the lane behind `seq` wait apart. False: too many lanes of its namespace do. */
  beginLane(namespace: string, workflowId: string, seq: number): boolean {
    const lanes = this.#lanes.get(namespace) ?? new Map<string, Siding>()
    if (lanes.size >= MOST_LANES) return false
    this.#lanes.set(namespace, lanes)
    lanes.set(workflowId, this.#begin('lane', namespace, workflowId, seq))
    return true
  }

  /** The rows up to `seq` were read. */
  advance(siding: Siding, seq: number): void {
    siding.cursor = seq
    this.#turns.delete(siding)
    this.#turns.add(siding)
  }

  /** The newest row that was passed and left to the siding. @param cursor of the reader of all rows */
  endOf({ kind, name }: Siding, cursor: number): number {
    return kind === 'lane' ? (this.#namespaces.get(name)?.cursor ?? cursor) : cursor
  }

  /** Ends those of which nothing waits. @param cursor of the reader of all rows */
  endRead(cursor: number): void {
    for (const siding of this.#turns) if (siding.cursor >= this.endOf(siding, cursor)) this.#end(siding)
  }

  clear(): void {
    this.#rules.clear()
    this.#namespaces.clear()
    this.#lanes.clear()
    this.#turns.clear()
    this.unanswered.clear()
  }

  #begin(kind: Siding['kind'], name: string, workflowId: string, cursor: number): Siding {
    const siding: Siding = { kind, name, workflowId, cursor, behind: undefined, stalled: false, seen: 0 }
    this.#turns.add(siding)
    return siding
  }

  #end(siding: Siding): void {
    const { kind, name, workflowId } = siding
    this.#turns.delete(siding)
    if (kind === 'rule') this.#rules.delete(name)
    else if (kind === 'namespace') this.#namespaces.delete(name)
    else {
      const lanes = this.#lanes.get(name)
      lanes?.delete(workflowId)
      if (lanes?.size === 0) this.#lanes.delete(name)
    }
  }
}
