import { timingSafeEqual } from 'node:crypto'

/** Compares two texts without telling by its time where they differ; their lengths are no secret. */
export function equalText(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
