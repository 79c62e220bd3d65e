import { parseConfig } from '../../../../agent/config/load.ts'
import { ConfigError, type Problem } from '../../../../agent/config/problem.ts'
import type { ErrorCode } from '../../../../agent/errors.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'

/** Stands in a text before the place that the problem must name. */
export const MARK = '‸'

export interface BadFile {
  readonly name: string
  /** The file, with one {@link MARK}. */
  readonly text: string
  readonly code: ErrorCode
  /** What the message holds. */
  readonly message: string
  /** What the hint holds. */
  readonly hint: string
  readonly env?: Readonly<Record<string, string>>
}

export type Row = readonly [name: string, text: string, code: ErrorCode, message: string, hint: string]

/** Rows whose text is put into a file that has nothing wrong otherwise. */
export function rowsIn(frame: (text: string) => string, rows: readonly Row[]): BadFile[] {
  return rows.map(([name, text, code, message, hint]) => ({ name, text: frame(text), code, message, hint }))
}

export const whole = (text: string): string => text

export const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity: { providers: { corp: { issuer: "https://id.example.com", audience: [a] } } }
`

/** Keys of the file's first level, below what every file has. */
export const below = (text: string): string => `${HEAD}rules: []\n${text}\n`

/** One provider. */
export const provider = (text: string): string => `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
rules: []
identity:
  providers:
    corp: ${text}
`

/** Keys of one rule that lets everybody in. */
export const rule = (text: string): string => `${HEAD}rules:\n  - { name: a, identity: none, ${text} }\n`

/** One rule as it stands. */
export const rules = (text: string): string => `${HEAD}rules:\n${text}\n`

/** A condition as YAML has it, quotes or block and all. */
export const when = (text: string): string => `${HEAD}rules:
  - name: a
    identity: { require: corp }
    match:
      when: ${text}
`

/** The text without its mark, and where the mark stood. */
export function unmark(marked: string): { text: string; line: number; column: number } {
  const before = marked.slice(0, marked.indexOf(MARK))
  const lines = before.replace(/^\ufeff/, '').split('\n')
  return { text: marked.replace(MARK, ''), line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
}

/** Everything wrong with a file, as it would be told. */
export function problemsOf(text: string, env: Readonly<Record<string, string>> = {}): readonly Problem[] {
  try {
    const { config, document } = parseConfig('agent.yaml', text, env)
    compileRules(config, document)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}
