import { styleText } from 'node:util'
import type { Report, Row } from './harness.ts'

/** For people: a line for each case, then the figures. */
export function asText(report: Report): string {
  const { name, machine, rounds, figures } = report
  const [header, ...lines] = table(report.rows, (row) => `${row.median} (${row.min} to ${row.max})`)
  const widths = header?.map((_, column) => Math.max(...[header, ...lines].map((line) => line[column]?.length ?? 0)))
  const pad = (line: readonly string[]): string => line.map((cell, i) => cell.padEnd(widths?.[i] ?? 0)).join('  ')
  return [
    styleText('bold', `${name}: median of ${rounds} rounds (lowest to highest)`),
    machine,
    ...[header ?? [], ...lines].map((line) => `  ${pad(line).trimEnd()}`),
    ...Object.entries(figures).map(([key, value]) => `  ${key} = ${value}`),
  ].join('\n')
}

/** For docs/benchmarks.md. */
export function asMarkdown({ machine, rounds, versions, rows, figures }: Report): string {
  const [header = [], ...lines] = table(
    rows,
    ({ median, min, max }) => `${short(median)} (${short(min)}–${short(max)})`,
  )
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const used = Object.entries(versions).filter(
    ([name, version]) => version !== null && name !== 'haproxy' && name !== 'temporal',
  )
  return [
    `${machine}; ${used.map(([name, version]) => `${name} ${version}`).join(', ')}; median of ${rounds} rounds (lowest–highest).`,
    '',
    line(header),
    line(header.map((_, column) => (column === 0 ? '---' : '--:'))),
    ...lines.map(line),
    '',
    line(['Figure', 'Value']),
    line(['---', '--:']),
    ...Object.entries(figures).map(([key, value]) => line([`\`${key}\``, String(value)])),
  ].join('\n')
}

/** A column for each metric; a case with one value only has it in a column of its unit. */
function table(rows: readonly Row[], cell: (row: Row) => string): string[][] {
  const cases = new Map<string, Map<string, string>>()
  for (const row of rows) {
    const { label, metric, unit } = row
    const column = metric === undefined ? unit : `${metric} [${unit}]`
    const name = metric === undefined ? label : label.slice(0, -metric.length - 1)
    cases.set(name, (cases.get(name) ?? new Map<string, string>()).set(column, cell(row)))
  }
  // In the order of the case that has most.
  const fullest = [...cases.values()].toSorted((a, b) => b.size - a.size)
  const names = [...new Set(fullest.flatMap((cells) => [...cells.keys()]))]
  return [
    ['', ...names],
    ...[...cases].map(([name, cells]) => [name, ...names.map((column) => cells.get(column) ?? '')]),
  ]
}

function short(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}
