import { type RuleList, UNKNOWN_METHOD } from './rule-list.ts'

/**
 * The rules to look at, in order: several ascending lists read as one. Reused from request to request, so it allocates
 * only while it sees more lists at once than ever before. The lists form a heap by their next index, and they do so when the
 * first index is asked for, because the first match mostly ends it.
 */
export class Candidates {
  #method = UNKNOWN_METHOD
  readonly #lists: (readonly number[])[] = []
  /** Where each list goes on; always within it, exhausted lists are taken out. */
  readonly #at: number[] = []
  #count = 0
  #isHeap = true
  #last = -1

  /** Forgets the request before. */
  reset(method: number): void {
    this.#method = method
    this.#count = 0
    this.#isHeap = true
    this.#last = -1
  }

  /** Takes in the rules of the list for the method. */
  add(list: RuleList): void {
    if (list.any !== undefined) this.#push(list.any)
    const some = list.only(this.#method)
    if (some !== undefined) this.#push(some)
  }

  #push(list: readonly number[]): void {
    this.#lists[this.#count] = list
    this.#at[this.#count] = 0
    this.#count++
    this.#isHeap = this.#count === 1
  }

  /** The next rule that may match; -1 when there is none left. */
  next(): number {
    if (!this.#isHeap) this.#order()
    while (this.#count > 0) {
      const index = this.#head(0)
      this.#advance()
      if (index > this.#last) {
        this.#last = index
        return index
      }
    }
    return -1
  }

  /** Leaves out the rules below `index`. */
  startAt(index: number): this {
    if (index <= this.#last + 1) return this
    let kept = 0
    for (let i = 0; i < this.#count; i++) {
      const list = this.#lists[i] as readonly number[]
      const at = firstFrom(list, this.#at[i] as number, index)
      if (at === list.length) continue
      this.#lists[kept] = list
      this.#at[kept] = at
      kept++
    }
    this.#count = kept
    this.#isHeap = kept <= 1
    return this
  }

  #head(i: number): number {
    return (this.#lists[i] as readonly number[])[this.#at[i] as number] as number
  }

  #advance(): void {
    const at = (this.#at[0] as number) + 1
    if (at < (this.#lists[0] as readonly number[]).length) {
      this.#at[0] = at
    } else {
      this.#count--
      this.#lists[0] = this.#lists[this.#count] as readonly number[]
      this.#at[0] = this.#at[this.#count] as number
    }
    if (this.#count > 1) this.#sink(0)
  }

  #order(): void {
    for (let i = (this.#count >> 1) - 1; i >= 0; i--) this.#sink(i)
    this.#isHeap = true
  }

  #sink(from: number): void {
    const list = this.#lists[from] as readonly number[]
    const at = this.#at[from] as number
    const index = list[at] as number
    let i = from
    for (let child = 2 * i + 1; child < this.#count; child = 2 * i + 1) {
      if (child + 1 < this.#count && this.#head(child + 1) < this.#head(child)) child++
      if (index <= this.#head(child)) break
      this.#lists[i] = this.#lists[child] as readonly number[]
      this.#at[i] = this.#at[child] as number
      i = child
    }
    this.#lists[i] = list
    this.#at[i] = at
  }
}

/** Position of the first element at or after `from` that is not below `index`; the length when there is none. */
function firstFrom(list: readonly number[], from: number, index: number): number {
  let low = from
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle] as number) < index) low = middle + 1
    else high = middle
  }
  return low
}
