/** Where an offset of a text lies. Lines and columns count from 1; columns are UTF-16 units, as in editors. */
export interface Place {
  readonly line: number
  readonly column: number
  /** The whole line, without its end. */
  readonly source: string
}

/** The lines of a text. */
export class Lines {
  readonly text: string
  readonly #starts: readonly number[]
  /** Empty lines at the end are no place to send a reader to. */
  readonly #end: number

  constructor(text: string) {
    this.text = text
    const starts = [0]
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#starts = starts
    this.#end = text.replace(/[\r\n]+$/, '').length
  }

  /** The place of an offset; one outside the text is moved to its nearest end. */
  at(offset: number): Place {
    const inside = Math.max(0, Math.min(offset, this.#end))
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] ?? 0) <= inside) low = middle
      else high = middle - 1
    }
    const start = this.#starts[low] ?? 0
    const end = (this.#starts[low + 1] ?? this.text.length + 1) - 1
    const source = this.text.slice(start, end).replace(/\r$/, '')
    return { line: low + 1, column: Math.min(inside - start, source.length) + 1, source }
  }
}
