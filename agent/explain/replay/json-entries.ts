/**
 * Finds the members of one array in JSON that comes in pieces, without holding more than one of them: a HAR with bodies
 * may have gigabytes. The array is the first one that is the value of the name, wherever it stands.
 */
export class JsonEntries {
  readonly #name: string
  readonly #max: number
  /** Levels of brackets, counted within the array once it has been found. */
  #depth = 0
  #inArray = false
  #ended = false
  #inText = false
  #escaped = false
  /** The text that ended last, and whether a colon stands behind it. */
  #text = ''
  #key: string | undefined
  #entry = ''
  #tooLong = false

  /** @param max characters of a member */
  constructor(name: string, max: number) {
    this.#name = name
    this.#max = max
  }

  /** Whether the array was found and has ended. */
  get ended(): boolean {
    return this.#ended
  }

  /** The members that end in this piece; undefined for one that is too long. */
  push(piece: string): (string | undefined)[] {
    const found: (string | undefined)[] = []
    let from = 0
    for (let i = 0; i < piece.length && !this.#ended; i++) {
      const char = piece.charCodeAt(i)
      if (this.#inText) {
        this.#inTextAt(char, piece, i)
        continue
      }
      if (char === QUOTE) {
        this.#inText = true
        this.#text = ''
      } else if (!this.#inArray) {
        this.#outside(char)
        if (this.#inArray) from = i + 1
      } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
        if (this.#depth === 0) from = i
        this.#depth++
      } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
        if (this.#depth === 0) {
          this.#ended = true
          break
        }
        this.#depth--
        if (this.#depth === 0) {
          this.#keep(piece.slice(from, i + 1))
          found.push(this.#tooLong ? undefined : this.#entry)
          this.#entry = ''
          this.#tooLong = false
        }
      }
    }
    if (this.#inArray && this.#depth > 0 && !this.#ended) this.#keep(piece.slice(from))
    return found
  }

  #inTextAt(char: number, piece: string, i: number): void {
    if (this.#escaped) this.#escaped = false
    else if (char === BACKSLASH) this.#escaped = true
    else if (char === QUOTE) this.#inText = false
    // Only names matter, and only until the array is found.
    if (!this.#inArray && this.#inText && this.#text.length <= this.#name.length) this.#text += piece[i] ?? ''
  }

  #outside(char: number): void {
    if (char === COLON) this.#key = this.#text
    else if (char === OPEN_BRACKET && this.#key === this.#name) this.#inArray = true
    else if (char > BLANK) this.#key = undefined
  }

  #keep(text: string): void {
    if (this.#entry.length + text.length > this.#max) {
      this.#tooLong = true
      this.#entry = ''
    } else if (!this.#tooLong) this.#entry += text
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const BLANK = 0x20
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
