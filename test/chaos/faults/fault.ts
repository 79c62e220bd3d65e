import { Random } from '../../fuzz/random.ts'
import type { Rig } from '../rig.ts'

/** Something that goes wrong under load, at random moments. */
export interface Fault {
  readonly name: string
  /** Why it cannot be done on this machine; absent, or undefined: it can. */
  readonly unable?: () => string | undefined
  /** Resolves when all is well again. @throws when what must follow from it did not */
  run(rig: Rig, random: Random): Promise<void>
}

/** A whole number of milliseconds. */
export function between(random: Random, from: number, to: number): number {
  return from + random.below(to - from + 1)
}

/** Numbers for each call: how many calls there are is up to the machine, and what follows them must not depend on it. */
export function fork(random: Random): Random {
  const forked = new Random()
  forked.seed(random.next(), 0)
  return forked
}
