import { plural } from '../render.ts'
import { table } from '../table.ts'
import type { Change, Example } from './comparison.ts'
import type { Outcome } from './recorded.ts'
import type { Replay } from './replay.ts'

/** What a replay has found, for people. */
export function renderReplay({ before, after, changes, unsureChanges, summary }: Replay): string {
  const { requests, same, changed, unsure, sameUnsure, missing, unparsable, other } = summary
  const facts = Object.entries(missing)
    .toSorted(([, a], [, b]) => b - a)
    .map(([fact, count]) => `${fact} (${count})`)
  const lines = [
    ...section(`before: ${before}`, `after: ${after}`, changes),
    ...(unsureChanges.length === 0
      ? []
      : ['', 'cannot be told for sure, because the records lack what a rule looks at:']),
    ...(unsureChanges.length === 0 ? [] : section('before', 'after', unsureChanges)),
    ...(changes.length + unsureChanges.length === 0 ? [] : ['']),
    `${plural(requests, 'request')}: ${same} the same${sameUnsure > 0 ? ` (${sameUnsure} of them as far as the records tell)` : ''}, ` +
      `${changed} changed, ${unsure} cannot be told`,
    ...(facts.length === 0 ? [] : [`not in the records, and looked at: ${facts.join(', ')}`]),
    ...(unparsable === 0 ? [] : [`could not be read: ${plural(unparsable, 'line')}`]),
    ...(other === 0 ? [] : [`not decided by the agent: ${plural(other, 'line')}`]),
  ]
  return lines.join('\n')
}

function section(before: string, after: string, changes: readonly Change[]): string[] {
  if (changes.length === 0) return []
  const rows = changes.map((change) => [String(change.count), outcome(change.before), '->', outcome(change.after)])
  const [head = '', ...lines] = table([['count', before, '', after], ...rows])
  return [head, ...lines.flatMap((line, i) => [line, ...(changes[i]?.examples ?? []).map(example)])]
}

function outcome({ rule, decision, status, route }: Outcome): string {
  const to = route === undefined ? '' : ` to ${route}`
  return `${rule ?? '(no rule)'}: ${decision}${decision === 'allow' ? '' : ` ${status}`}${to}`
}

function example({ id, method, host, path, caller }: Example): string {
  const about = [caller, id].filter((part) => part !== undefined && part !== '')
  return `       ${method === '' ? 'a connection' : `${method} ${host}${path}`}${about.length === 0 ? '' : ` (${about.join(', ')})`}`
}
