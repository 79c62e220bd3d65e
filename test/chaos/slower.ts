import type { StepReport } from './step.ts'

/** So many times that of the undisturbed step, and so many milliseconds more. */
export interface Bound {
  readonly times: number
  readonly ms: number
}

export interface Slower {
  readonly p50: Bound
  /**
   * Absent where it is printed only: of the few hundred requests of a short step the p99 is the third slowest or so, and one
   * hiccup of the machine decides it.
   */
  readonly p99?: Bound
}

type Percentiles = Pick<StepReport, 'p50' | 'p99' | 'stallMs'>

/**
 * What is wrong with how long answers took. To the p99 is granted for how long the suite itself was not let run: a machine
 * that stands for half a second delays every answer that is due in it, which are far more than one in a hundred of some
 * seconds, whatever the agent does. The median does not notice.
 */
export function tooSlow({ p50, p99, stallMs }: Percentiles, undisturbed: Percentiles, slower: Slower): string[] {
  const problems: string[] = []
  if (p50 > boundOf(slower.p50, undisturbed.p50)) {
    problems.push(`slower: the median is ${p50} ms, undisturbed ${undisturbed.p50} ms`)
  }
  if (slower.p99 !== undefined && p99 > boundOf(slower.p99, undisturbed.p99) + stallMs) {
    problems.push(`slower: the p99 is ${p99} ms, undisturbed ${undisturbed.p99} ms; the suite stood for ${stallMs} ms`)
  }
  return problems
}

function boundOf({ times, ms }: Bound, undisturbed: number): number {
  return undisturbed * times + ms
}
