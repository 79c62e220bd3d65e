import { ERRORS, type ErrorCode } from '../errors.ts'

/** One finding about a file, with the place it is about. Lines and columns count from 1; 0 means the file as a whole. */
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
  /** What stands under `source`: blanks and carets. */
  readonly caret?: string
}

/** `Problem` with the table's hint where the case has none of its own, and with its caret. */
export function problem(
  p: Omit<Problem, 'hint' | 'severity' | 'caret'> & Partial<Pick<Problem, 'hint' | 'severity'>>,
): Problem {
  const { source, column, length } = p
  const caret = source === undefined ? undefined : caretUnder(source, column, length ?? 1)
  return { severity: 'error', hint: ERRORS[p.code], ...p, ...(caret !== undefined && { caret }) }
}

function caretUnder(source: string, column: number, length: number): string {
  // Tabs stay tabs under the line, so that the caret stands right however wide the terminal draws them.
  const indent = source.slice(0, column - 1).replace(/[^\t]/g, ' ')
  return indent + '^'.repeat(Math.max(1, Math.min(length, source.length - column + 1)))
}

/** Characters of a line that are shown; of a longer one the part around the place. */
const SHOWN = 160
const BEFORE = 60

/** `agent.yaml:12:7: error CONFIG_UNKNOWN_KEY: …`, the line, a caret under the place, and the hint. */
export function renderProblem(p: Problem): string {
  const place = p.line > 0 ? `${p.file}:${p.line}:${p.column}` : p.file
  const lines = [`${place}: ${p.severity} ${p.code}: ${p.message}`]
  if (p.source !== undefined) {
    const gutter = String(p.line)
    const from = p.source.length > SHOWN ? Math.max(0, p.column - 1 - BEFORE) : 0
    const caret = p.caret ?? caretUnder(p.source, p.column, p.length ?? 1)
    const shown = (line: string): string => line.slice(from, from + SHOWN)
    // A terminal would obey control characters.
    const source = shown(p.source).replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd')
    lines.push(`  ${gutter} | ${source}`, `  ${' '.repeat(gutter.length)} | ${shown(caret)}`)
  }
  lines.push(`  hint: ${p.hint}`)
  return lines.join('\n')
}

/** In the order of the file. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
}

/** Each once: an alias shows one fault wherever it stands. */
function unique(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>()
  return problems.filter(({ file, line, column, code, message }) => {
    const key = JSON.stringify([file, line, column, code, message])
    return !seen.has(key) && seen.add(key)
  })
}

/** The configuration cannot be used; `problems` holds every reason found. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    const once = unique(problems)
    super(once.map(renderProblem).join('\n'))
    this.problems = once
  }
}
