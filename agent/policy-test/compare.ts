import { isDeepStrictEqual } from 'node:util'
import type { Path } from '../config/document.ts'
import type { Answer } from '../explain/engine.ts'
import type { Decision } from '../rules/decision.ts'
import { type Compare, compareWorkflow } from './compare-workflow.ts'
import type { Expected } from './schema.ts'

/** Something that is not as expected. */
export interface Difference {
  /** Below `expect`. */
  readonly path: Path
  /** `status: expected 403, got 401`. */
  readonly text: string
  /** Got instead, as JSON has it; undefined for nothing. */
  readonly got: unknown
  readonly expected: unknown
}

/** What of an answer is not as a row expects it, in the order in which one would ask. */
export function compare(expected: Expected, answer: Answer): Difference[] {
  const { decision, variables, shadows } = answer
  const differences: Difference[] = []
  const differ = (path: Path, want: unknown, got: unknown): void =>
    void differences.push({
      path,
      expected: want,
      got,
      text: `${nameOf(path)}: expected ${show(want)}, got ${show(got)}`,
    })
  const same = (path: Path, want: unknown, got: unknown): void => {
    if (want !== undefined && !isDeepStrictEqual(want, got)) differ(path, want, got)
  }
  same(['decision'], expected.decision, decision.allow ? 'allow' : 'deny')
  same(['status'], expected.status, decision.status)
  same(['reason'], expected.reason, decision.reason)
  same(['rule'], expected.rule, decision.rule?.name ?? 'none')
  same(['route'], expected.route, variables['route'] ?? 'none')
  same(['location'], expected.location, variables['location'])
  same(['message'], expected.message, variables['message'])
  for (const [name, value] of Object.entries(expected.variables ?? {})) {
    same(['variables', name], value, variables[name] ?? null)
  }
  compareWorkflow(expected.workflow, answer, differ, same)
  for (const [name, want] of Object.entries(expected.shadow ?? {})) {
    compareShadow(['shadow', name], want, shadows.find(({ rule }) => rule.name === name)?.decision, same)
  }
  return differences
}

function compareShadow(
  path: Path,
  expected: NonNullable<Expected['shadow']>[string],
  got: Decision | undefined,
  same: Compare,
): void {
  if (expected === 'none' || got === undefined) {
    same(
      path,
      expected === 'none' ? 'none' : (expected.decision ?? 'a decision'),
      got === undefined ? 'none' : wordOf(got),
    )
    return
  }
  same([...path, 'decision'], expected.decision, wordOf(got))
  same([...path, 'status'], expected.status, got.status)
  same([...path, 'reason'], expected.reason, got.reason)
  same([...path, 'route'], expected.route, got.route ?? 'none')
}

function wordOf({ allow }: Decision): string {
  return allow ? 'allow' : 'deny'
}

function nameOf(path: Path): string {
  return path.map(String).join('.')
}

/** Longest value in a message; longer ones are cut. */
const SHOWN = 300

function show(value: unknown): string {
  if (value === undefined || value === null) return 'none'
  const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value)
  // A terminal would obey control characters.
  const plain = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '\ufffd')
  return plain.length > SHOWN ? `${plain.slice(0, SHOWN)}…` : plain
}
