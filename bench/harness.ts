import { cpus, release, totalmem } from 'node:os'
import { versions } from '../agent/dev/versions.ts'

/** One thing to measure. */
export interface Case {
  readonly label: string
  readonly unit: string
  /** Measures once, for about a second at most. */
  measure(): Promise<number> | number
}

export interface Row {
  readonly label: string
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

export interface Benchmark {
  readonly name: string
  readonly description: string
  /** Prepares the cases; `figures` gets their rows by label. */
  prepare(): Promise<{
    readonly cases: readonly Case[]
    figures(median: (label: string) => number): Record<string, number>
    close?(): Promise<void> | void
  }>
}

/** Measures every case once a round, in turn, so that all of them see the same machine; one more round warms up. */
export async function run(benchmark: Benchmark, rounds: number, progress: (text: string) => void): Promise<Report> {
  const prepared = await benchmark.prepare()
  const { cases } = prepared
  try {
    const samples = new Map<string, number[]>(cases.map(({ label }) => [label, []]))
    for (let round = 0; round <= rounds; round++) {
      progress(round === 0 ? `${benchmark.name}: warming up` : `${benchmark.name}: round ${round} of ${rounds}`)
      for (const one of cases) {
        const value = await one.measure()
        if (round > 0) samples.get(one.label)?.push(value)
      }
    }
    const rows = cases.map(({ label, unit }) => ({ label, unit, ...spread(samples.get(label) ?? []) }))
    const median = (label: string): number => rows.find((row) => row.label === label)?.median ?? Number.NaN
    return {
      name: benchmark.name,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
      versions: versions(),
      rounds,
      rows,
      figures: Object.fromEntries(Object.entries(prepared.figures(median)).map(([key, value]) => [key, round3(value)])),
    }
  } finally {
    await prepared.close?.()
  }
}

function spread(samples: readonly number[]): { median: number; min: number; max: number } {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return { median: round3(middle), min: round3(sorted[0] ?? Number.NaN), max: round3(sorted.at(-1) ?? Number.NaN) }
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
