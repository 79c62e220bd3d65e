import type { Cleanup } from '../../agent/dev/cleanup.ts'
import { Random } from '../fuzz/random.ts'
import type { Fault } from './faults/fault.ts'
import { readablePaths } from './readable.ts'
import { Rig } from './rig.ts'
import { settle } from './settle.ts'
import { type Slower, tooSlow } from './slower.ts'
import { runStep, type StepOptions, type StepReport } from './step.ts'

/** How much more memory the agent may take at any step than after the undisturbed one, in MB. */
const GROWTH_MB = 300

/**
 * Before all steps: what is started anew answers its first requests far slower than all others, and bounds that are made of
 * them would hold nothing.
 */
const WARM_UP_MS = 4_000

/** Sequences of one seed: that of the order of steps, that of the load, and some for each step. */
const [OF_ORDER, OF_LOAD, OF_STEPS, PARTS] = [0, 1, 2, 8]

export interface ChaosOptions {
  readonly seed: number
  readonly folder: string
  readonly haproxyBinary: string
  /** Requests a second. */
  readonly rate: number
  readonly load: StepOptions
  /** The faults of each step; asked for the next one after each. */
  readonly steps: (random: Random) => Iterable<readonly Fault[]>
  /** How much slower answers may be than in the undisturbed step. */
  readonly slower: Slower
  /** Run when all is over, and by whoever wants to end it before. */
  readonly cleanup: Cleanup
  /** Told of each step. */
  readonly progress: (step: StepReport) => void
}

export interface ChaosReport {
  readonly seed: number
  readonly steps: readonly StepReport[]
  /** Every violation, as one line each; empty when all is well. */
  readonly problems: readonly string[]
}

/** Starts all parts, lets the faults happen one step after the other, and ends everything. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { cleanup } = options
  const { seed, load } = options
  try {
    const rig = await Rig.start({ ...options, random: seeded(seed, OF_LOAD) })
    const began = Date.now()
    const steps: StepReport[] = []
    const problems: string[] = []
    const next = async (faults: readonly Fault[], of: StepOptions = load): Promise<StepReport> => {
      // What a step draws depends on its place alone, not on how much those before it have drawn.
      const own = (part: number): Random => seeded(seed, OF_STEPS + steps.length * PARTS + part)
      const step = await runStep(rig, faults, own, of)
      steps.push(step)
      problems.push(...problemsOf(step))
      options.progress(step)
      return step
    }
    // Its events count like all others, its percentiles and its memory do not.
    await next([], { name: 'warm-up', before: 0, after: WARM_UP_MS, stage: load.stage })
    const undisturbed = await next([])
    for (const faults of options.steps(seeded(seed, OF_ORDER))) {
      const step = await next(faults)
      problems.push(...comparedWith(undisturbed, step, options.slower))
    }

    // What has arrived must have been worked on, and what has been counted once must not have come again.
    const { verdict, objections } = await settle(rig, { from: 0, since: began, stage: 'worked' })
    const known = new Set(steps.flatMap(({ verdict: { violations } }) => violations.map((one) => JSON.stringify(one))))
    const others = verdict.violations.filter((one) => !known.has(JSON.stringify(one)))
    problems.push(...others.map(({ what, where, which }) => `at the end: ${what}: ${where} ${which}`))
    problems.push(...objections.map((objection) => `at the end: ${objection}`))
    // Else rules that debounce would have been tried out as all others are.
    if (Object.keys(verdict.coalesced).length === 0) problems.push('at the end: nothing was ever coalesced')
    problems.push(...readablePaths(rig.outbox).map((path) => `at the end: not encrypted: ${path}`))
    return { seed, steps, problems }
  } finally {
    await cleanup.run()
  }
}

function seeded(run: number, index: number): Random {
  const random = new Random()
  random.seed(run, index)
  return random
}

function problemsOf({ name, verdict, failures }: StepReport): string[] {
  const problems = verdict.violations.map(({ what, where, which }) => `${what}: ${where} ${which}`)
  return [...problems, ...failures].map((problem) => `${name}: ${problem}`)
}

function comparedWith(undisturbed: StepReport, step: StepReport, slower: Slower): string[] {
  const problems = tooSlow(step, undisturbed, slower)
  const [now, before] = [step.residentMb, undisturbed.residentMb]
  if (now !== undefined && before !== undefined && now > before + GROWTH_MB) {
    problems.push(`memory: the agent has ${now} MB, undisturbed ${before} MB`)
  }
  return problems.map((problem) => `${step.name}: ${problem}`)
}
