import type { ChaosReport } from './run.ts'
import type { StepReport } from './step.ts'

/** Problems that are printed of each kind; a fault that loses one event often loses many. */
const SHOWN = 50

const COLUMNS: readonly (readonly [title: string, value: (step: StepReport) => string | number])[] = [
  ['step', ({ name }) => name],
  ['sent', ({ sent }) => sent],
  ['ok', ({ ok }) => ok],
  ['refused', ({ refused }) => refused],
  ['no answer', ({ unknown }) => unknown],
  ['again', ({ again }) => again],
  ['seen once', ({ verdict }) => verdict.seen],
  ['coalesced', ({ verdict }) => Object.values(verdict.coalesced).reduce((a, b) => a + b, 0)],
  ['lost memory', ({ verdict }) => verdict.lostMemory],
  ['lost durable', ({ verdict }) => verdict.lostDurable],
  ['within ms', ({ verdict }) => verdict.durableWindowMs],
  ['unpromised', ({ verdict }) => verdict.unpromised],
  ['duplicates', ({ verdict }) => verdict.duplicates],
  ['runs', ({ verdict }) => verdict.runs],
  ['held', ({ held }) => held],
  ['p50 ms', ({ p50 }) => p50],
  ['p99 ms', ({ p99 }) => p99],
  ['stall ms', ({ stallMs }) => stallMs],
  ['RSS MB', (step) => step.residentMb ?? '-'],
  ['delivered ms', ({ deliveredMs }) => deliveredMs],
  ['settled ms', ({ settledMs }) => settledMs],
  ['violations', ({ verdict, failures }) => verdict.violations.length + failures.length],
]

/** One step as one line. */
export function lineOf(step: StepReport): string {
  const [name, ...rest] = COLUMNS
  const values = rest.map(([title, value]) => `${title} ${value(step)}`)
  const reasons = Object.entries(step.reasons).map(([reason, times]) => `${times} times "${reason}"`)
  return `${name?.[1](step)}: ${[...values, ...reasons].join(', ')}`
}

/** All steps as a table, and every problem. */
export function render({ steps, problems, seed }: ChaosReport): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...steps.map((step) => COLUMNS.map(([, value]) => String(value(step)))),
  ]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const table = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  )
  const shown = problems.slice(0, SHOWN)
  if (problems.length > SHOWN) shown.push(`and ${problems.length - SHOWN} more`)
  const sum = problems.length === 0 ? 'no violation' : `${problems.length} violations`
  return [...table, '', ...shown, `seed ${seed}: ${steps.length} steps, ${sum}`].join('\n')
}
