import { type Matcher, RE2JS, RE2JSException } from 're2js'

/** Characters of a pattern. */
export const MAX_PATTERN = 1024
/** Instructions of a compiled pattern (`[a-z]{1,63}` has 127); counted repetitions are what makes programs long. */
export const MAX_PROGRAM = 500
/** Characters that a pattern is tried on; HAProxy's whole request head fits into 16 KiB by default. */
export const MAX_INPUT = 8192
/**
 * Instructions times characters. Most patterns take a few nanoseconds a character whatever their size; this bounds the
 * worst ones on the worst texts to some 50 ms (0.2 us an instruction and character).
 */
export const MAX_STEPS = 1 << 18

/** A regular expression whose running time grows with the length of the text only, whatever the text. */
export interface LinearRegex {
  readonly pattern: string
  /** Instructions of the compiled program. */
  readonly size: number
  /** Of its named groups, in the order of the pattern. */
  readonly names: readonly string[]
  /**
   * Whether it is found anywhere in the text; `^` and `$` anchor it.
   * @throws {RangeError} the text is longer than {@link MAX_INPUT}, or than {@link MAX_STEPS} allows the pattern
   */
  test(text: string): boolean
  /**
   * Like `test`, and puts what the named groups hold into an object: `''` for a group that took no part. Leaves it alone
   * when nothing is found.
   * @throws {RangeError} as `test`, from half the length on: keeping track of groups takes longer
   */
  capture(text: string, into: Record<string, string>): boolean
}

/**
 * Compiles RE2 syntax: no backreferences and no lookaround, which cannot be had in linear time.
 * @returns the expression, or what is wrong with the pattern
 */
export function compileRegex(pattern: string): LinearRegex | string {
  let compiled = cache.get(pattern)
  if (compiled === undefined) {
    compiled = compile(pattern)
    // Reloads bring new patterns; what a running configuration uses it holds itself.
    if (cache.size >= MAX_CACHED) cache.clear()
    cache.set(pattern, compiled)
  }
  return compiled
}

const MAX_CACHED = 1000
const cache = new Map<string, LinearRegex | string>()

function compile(pattern: string): LinearRegex | string {
  if (pattern.length > MAX_PATTERN) return `the pattern has ${pattern.length} characters, ${MAX_PATTERN} are the most`
  let program: RE2JS
  try {
    program = RE2JS.compile(pattern)
  } catch (error) {
    if (error instanceof RE2JSException) return error.message.replace(/^error parsing regexp: /, '')
    throw error
  }
  const size = program.programSize()
  if (size > MAX_PROGRAM) {
    return `the pattern is too large: ${size} instructions, ${MAX_PROGRAM} are the most; counted repetitions such as {1,100} make it so`
  }
  return new Re2Regex(pattern, program, size)
}

class Re2Regex implements LinearRegex {
  readonly pattern: string
  readonly size: number
  readonly names: readonly string[]
  readonly #program: RE2JS
  readonly #groups: readonly number[]
  readonly #matcher: Matcher
  readonly #maxTest: number
  readonly #maxCapture: number

  constructor(pattern: string, program: RE2JS, size: number) {
    const groups = Object.entries(program.namedGroups()).toSorted(([, a], [, b]) => a - b)
    this.pattern = pattern
    this.size = size
    this.names = groups.map(([name]) => name)
    this.#program = program
    this.#groups = groups.map(([, group]) => group)
    this.#matcher = program.matcher('')
    this.#maxTest = Math.min(MAX_INPUT, Math.floor(MAX_STEPS / size))
    this.#maxCapture = Math.min(MAX_INPUT, Math.floor(MAX_STEPS / size / 2))
  }

  test(text: string): boolean {
    if (text.length > this.#maxTest) throw tooLong(text, this.#maxTest)
    return this.#program.test(text)
  }

  capture(text: string, into: Record<string, string>): boolean {
    if (text.length > this.#maxCapture) throw tooLong(text, this.#maxCapture)
    const matcher = this.#matcher.resetMatcherInput(text)
    if (!matcher.find()) return false
    for (const [i, name] of this.names.entries()) into[name] = matcher.group(this.#groups[i]) ?? ''
    return true
  }
}

function tooLong(text: string, most: number): RangeError {
  return new RangeError(`a text of ${text.length} characters is too long for this regular expression: ${most} at most`)
}
