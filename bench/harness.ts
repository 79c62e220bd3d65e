import { cpus, release, totalmem } from 'node:os'
import type { Cleanup } from '../agent/dev/cleanup.ts'
import { versions } from '../agent/dev/versions.ts'
import { Samples } from './samples.ts'

/** One thing to measure. */
export interface Case {
  readonly label: string
  /** Unit of what `measure` gives; for several figures at once their units by name, each a row `label name`. */
  readonly unit: string | Readonly<Record<string, string>>
  /** Measures once, for a few seconds at most. */
  measure(): Measured | Promise<Measured>
}

type Measured = number | Readonly<Record<string, number>>

export interface Row {
  /** Of the case, and of the metric where it has several. */
  readonly label: string
  readonly metric?: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
}

/** What `npm run bench -- NAME --json` prints. */
export interface Report {
  readonly name: string
  readonly machine: string
  readonly versions: object
  readonly rounds: number
  readonly rows: readonly Row[]
  readonly figures: Readonly<Record<string, number>>
}

/** What a benchmark runs in. */
export interface Context {
  /** HAProxy versions of the set-up. */
  readonly haproxy: readonly string[]
  /** Names of the agents to measure; all when absent. */
  readonly only: readonly string[] | undefined
  /** Gets what has to be stopped; run when the benchmark has ended, however it did. */
  readonly cleanup: Cleanup
  readonly progress: (text: string) => void
}

export interface Benchmark {
  readonly name: string
  readonly description: string
  /** Rounds unless the command line says otherwise. */
  readonly rounds: number
  /** Rounds before those, default 1: where the compiler needs more calls than one round has to be done with its work. */
  readonly warmUps?: number
  prepare(context: Context): Promise<Prepared>
}

export interface Prepared {
  readonly cases: readonly Case[]
  /** Versions of what takes part, beside ours. */
  readonly versions?: Readonly<Record<string, string>>
  /** A figure that is not a number is left out: what it compares was not there. */
  figures(samples: Samples): Record<string, number>
}

/** Measures every case once a round, in turn, so that all of them see the same machine; rounds before those warm up. */
export async function run(benchmark: Benchmark, rounds: number, context: Context): Promise<Report> {
  try {
    const prepared = await benchmark.prepare(context)
    const samples = new Samples()
    for (let round = 1 - (benchmark.warmUps ?? 1); round <= rounds; round++) {
      context.progress(round <= 0 ? `${benchmark.name}: warming up` : `${benchmark.name}: round ${round} of ${rounds}`)
      // Every other round backwards, so that no case always comes after the same one, or late in a busy minute.
      for (const one of round % 2 === 0 ? prepared.cases : prepared.cases.toReversed()) {
        const values = byLabel(one, await one.measure())
        if (round > 0) for (const [label, value] of values) samples.add(label, value)
      }
    }
    const rows = prepared.cases.flatMap((one) => rowsOf(one, samples))
    const figures = Object.entries(prepared.figures(samples)).filter(([, value]) => !Number.isNaN(value))
    return {
      name: benchmark.name,
      machine: machine(),
      versions: { ...versions(), ...prepared.versions },
      rounds,
      rows,
      figures: Object.fromEntries(figures.map(([key, value]) => [key, round3(value)])),
    }
  } finally {
    await context.cleanup.run()
  }
}

/** `2 × AMD EPYC, 24 GiB, Linux 6.18` */
export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`
}

function rowsOf({ label, unit }: Case, samples: Samples): Row[] {
  const row = (its: string, name: string, metric?: string): Row => {
    const { median, min, max } = samples.spread(name)
    const values = { median: round3(median), min: round3(min), max: round3(max) }
    return { label: name, ...(metric !== undefined && { metric }), unit: its, ...values }
  }
  if (typeof unit === 'string') return [row(unit, label)]
  return Object.entries(unit).map(([metric, its]) => row(its, `${label} ${metric}`, metric))
}

function byLabel({ label }: Case, measured: Measured): [label: string, value: number][] {
  if (typeof measured === 'number') return [[label, measured]]
  return Object.entries(measured).map(([name, value]) => [`${label} ${name}`, value])
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** CPU of this process per call, user and system, in µs: wall time would count what other processes do. */
export function cpuMicros(calls: number, work: (i: number) => void): number {
  const before = process.cpuUsage()
  for (let i = 0; i < calls; i++) work(i)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}

export async function cpuMicrosAsync(calls: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < calls; i++) await work(i)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}
