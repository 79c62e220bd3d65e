import { EvaluationError } from '@marcbachmann/cel-js'

/** Characters of an expression: literals count for nothing in {@link MAX_NODES}. */
export const MAX_SOURCE = 16_384
/** Parts of an expression: without loops each runs once at most. */
export const MAX_NODES = 2000
/** Levels of brackets, calls and fields that the parser descends. */
export const MAX_NESTING = 64
/** Levels of the tree: `!!!!a` and `a + b + c` nest too, and evaluation recurses a few frames a level. */
export const MAX_DEPTH = 400
/** Characters or bytes of a text that an expression builds. What comes with the request is bounded by the frame. */
export const MAX_TEXT = 65_536
/** Entries of a list that an expression builds, `split()` for one. */
export const MAX_ITEMS = 10_000
/** Entries that a loop goes over. An entry that lacks what the loop reads costs microseconds, for the exception. */
export const MAX_LOOP = 2000
/**
 * Characters and entries that the functions of one evaluation may read and build: about a millisecond. It bounds what
 * the other limits leave: `contains()` of a long text in a loop, `a + a` bound and doubled again, comparisons of lists
 * that hold one list many times.
 */
export const MAX_WORK = 1 << 20

/** Work that one part of a loop's body is counted as, each time it runs. */
export const PART_WORK = 16

let left = 0

/** Before each evaluation; they never overlap, being synchronous. */
export function refill(): void {
  left = MAX_WORK
}

/** @throws {EvaluationError} when {@link MAX_WORK} is used up */
export function spend(units: number): void {
  left -= units
  if (left < 0) throw new EvaluationError('the expression takes too long on this request')
}

/** Units for reading a value once. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 1
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  return value instanceof Map ? value.size : 1
}

/** Spends for everything within a value, as often as it is in there: a comparison would look at it as often. */
export function spendDeep(value: unknown): void {
  spend(sizeOf(value))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (Array.isArray(value)) for (const item of value) spendDeep(item)
  else if (Object.getPrototypeOf(value) === null || Object.getPrototypeOf(value) === Object.prototype) {
    for (const key in value) spendDeep((value as Record<string, unknown>)[key])
  }
}

/**
 * A value that an expression has built.
 * @throws {EvaluationError} when it is longer than {@link MAX_TEXT} or {@link MAX_ITEMS}
 */
export function bounded<T>(value: T): T {
  if (typeof value === 'string' || value instanceof Uint8Array) assertText(value.length)
  else if (Array.isArray(value) && value.length > MAX_ITEMS) {
    throw new EvaluationError(`a list of ${value.length} entries is too long: ${MAX_ITEMS} at most`)
  }
  return value
}

/** @throws {EvaluationError} when a text of so many characters is longer than {@link MAX_TEXT} */
export function assertText(length: number): void {
  if (length > MAX_TEXT) {
    throw new EvaluationError(`a text of ${length} characters is too long: ${MAX_TEXT} at most`)
  }
}
