import { ERRORS, type ErrorCode } from '../errors.ts'

/** One finding about a file, with the place it is about. Lines and columns count from 1. */
export interface Problem {
  readonly code: ErrorCode
  readonly severity: 'error' | 'warning'
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  /** What to do about this very case; the code's general hint stands in {@link ERRORS}. */
  readonly hint: string
  /** The line of the file, for the caret. */
  readonly source?: string
  /** Characters to underline, from `column` on. */
  readonly length?: number
}

/** `Problem` with the table's hint where the case has none of its own. */
export function problem(p: Omit<Problem, 'hint' | 'severity'> & Partial<Pick<Problem, 'hint' | 'severity'>>): Problem {
  return { severity: 'error', hint: ERRORS[p.code], ...p }
}

/** `agent.yaml:12:7: error CONFIG_UNKNOWN_KEY: …`, the line, a caret under the place, and the hint. */
export function renderProblem(p: Problem): string {
  const place = p.line > 0 ? `${p.file}:${p.line}:${p.column}` : p.file
  const lines = [`${place}: ${p.severity} ${p.code}: ${p.message}`]
  if (p.source !== undefined) {
    const gutter = String(p.line)
    // Tabs stay tabs under the line, so that the caret stands right however wide the terminal draws them.
    const indent = p.source.slice(0, p.column - 1).replace(/[^\t]/g, ' ')
    const carets = '^'.repeat(Math.max(1, Math.min(p.length ?? 1, p.source.length - p.column + 1)))
    lines.push(`  ${gutter} | ${p.source}`, `  ${' '.repeat(gutter.length)} | ${indent}${carets}`)
  }
  lines.push(`  hint: ${p.hint}`)
  return lines.join('\n')
}

/** The configuration cannot be used; `problems` holds every reason found. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(renderProblem).join('\n'))
    this.problems = problems
  }
}
