/** Something that must never happen, happened. */
export class FuzzFailure extends Error {}

/** @throws FuzzFailure unless `condition` holds */
export function ensure(condition: boolean, what: string): asserts condition {
  if (!condition) throw new FuzzFailure(what)
}
