import { stripVTControlCharacters, styleText } from 'node:util'
import type { OnceReport, RequestReport } from './once.ts'

const COLUMNS = ['request', 'status', 'decision', 'reason', 'rule', 'route', 'workflow', 'result'] as const

/** The report of `dev --once` for people. */
export function renderReport({ requests, conservation, failures }: OnceReport): string {
  const rows = requests.map((request) => cells(request))
  const widths = COLUMNS.map((column, i) =>
    Math.max(column.length, ...rows.map((row) => stripVTControlCharacters(row[i] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - stripVTControlCharacters(cell).length)))
      .join('  ')
      .trimEnd()
  const fates = Object.entries(conservation).map(([name, count]) => `${name} ${count}`)
  const wrong = [
    ...requests.flatMap(({ name, failures: own }) => own.map((failure) => `${name}: ${failure}`)),
    ...failures,
  ]
  return [
    styleText('bold', line([...COLUMNS])),
    ...rows.map(line),
    '',
    `events: ${fates.join(', ')}`,
    ...wrong.map((failure) => styleText('red', `wrong: ${failure}`)),
    wrong.length === 0
      ? styleText('green', `all ${requests.length} requests as expected`)
      : styleText('red', `${wrong.length} not as expected`),
  ].join('\n')
}

function cells(request: RequestReport): string[] {
  const right = request.failures.length === 0
  return [
    styleText(right ? 'green' : 'red', `${right ? '✓' : '✗'} ${request.name}`),
    request.status === request.expected ? String(request.status) : `${request.status} (not ${request.expected})`,
    request.decision ?? '-',
    request.reason ?? '-',
    request.rule ?? '-',
    request.route ?? '-',
    request.workflowId === null ? '-' : `${request.workflowType ?? '?'} ${shorten(request.workflowId)}`,
    request.workflowResult === null ? '-' : `${request.workflowStatus} ${summarise(request.workflowResult)}`,
  ]
}

/** `create-order/6B04…e04`: the beginning says when, the end tells two of one second apart. */
function shorten(id: string): string {
  return id.length <= 28 ? id : `${id.slice(0, 22)}…${id.slice(-4)}`
}

function summarise(result: unknown): string {
  const { handledBy, caller, output, total } = result as {
    handledBy?: string
    caller?: { subject?: string }
    output?: object
    total?: number
  }
  if (total !== undefined) return `${total} event${total === 1 ? '' : 's'}`
  return `${handledBy ?? ''} for ${caller?.subject ?? 'anonymous'} ${output === undefined ? '' : JSON.stringify(output)}`.trim()
}
