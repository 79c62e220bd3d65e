import { ConfigError } from '../config/problem.ts'
import { UserError } from '../errors.ts'

/** Why a configuration was not put in force, and what to do about it. */
export interface ReloadProblem {
  readonly code: string
  readonly message: string
  readonly hint: string
  /** Where it stands, counted from 1; absent where it is about no place in the file. */
  readonly file?: string
  readonly line?: number
  readonly column?: number
}

/** Right as it stands, but it cannot be put in force now. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError'
  readonly problems: readonly ReloadProblem[]

  constructor(problems: readonly ReloadProblem[]) {
    super(problems.map(({ message }) => message).join('; '))
    this.problems = problems
  }
}

/** What an error of loading a configuration tells, without the lines of the file: they may hold secrets. */
export function problemsOf(error: unknown): readonly ReloadProblem[] {
  if (error instanceof NotReadyError) return error.problems
  if (error instanceof ConfigError) {
    return error.problems.map(({ code, message, hint, file, line, column }) => ({
      code,
      message,
      hint,
      file,
      ...(line > 0 && { line, column }),
    }))
  }
  if (error instanceof UserError) return [{ code: error.code, message: error.message, hint: error.hint }]
  return [
    {
      code: 'RELOAD_FAILED',
      message: error instanceof Error ? error.message : String(error),
      hint: 'Run "haproxy-temporal check" on the same file; a start with it would fail too.',
    },
  ]
}

/** `agent.yaml:3:5 CONFIG_INVALID: …`, as `check` begins its lines. */
export function placed({ file, line, column, code, message }: ReloadProblem): string {
  const place = file === undefined ? '' : line === undefined ? `${file} ` : `${file}:${line}:${column ?? 1} `
  return `${place}${code}: ${message}`
}
