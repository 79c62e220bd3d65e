import { Analysis } from './cel-analysis.ts'
import { environment } from './cel-environment.ts'
import { hintOf, messageOf, typeHint } from './cel-hints.ts'
import { MAX_SOURCE, refill, spendDeep } from './cel-limits.ts'
import type { Reads } from './cel-reads.ts'
import type { Captures, ConnectionView, IdentityView, RequestView, VerdictView } from './facts.ts'

export type { ConnectionFact, Reads } from './cel-reads.ts'
export { IpAddress } from './ip-address.ts'

/** What an expression is evaluated against. `identity` is empty where nobody is known. */
export interface Facts {
  readonly request: RequestView
  readonly connection: ConnectionView
  readonly identity: IdentityView
  /** Needed by expressions that read it. */
  readonly captures?: Captures
  /** Needed by expressions that read it. */
  readonly verdict?: VerdictView
}

export interface Expression {
  /** Whether it reads `identity`, so that the caller must be known before it can be evaluated. */
  readonly needsIdentity: boolean
  /** Whether it reads `request.host`. */
  readonly needsHost: boolean
  /** Whether it reads of `request` what only requests have: not its id, nor its time. */
  readonly needsRequest: boolean
  readonly reads: Reads
  /** Parts that an evaluation runs at most, a loop counted as 100 rounds. */
  readonly cost: number
  /** @throws when a claim, header or parameter it reads is absent, or types do not fit at run time */
  evaluate(facts: Facts): unknown
}

/** Why an expression is refused; `start` and `end` are character offsets within it. */
export interface ExpressionError {
  readonly message: string
  readonly start: number
  readonly end: number
  readonly hint?: string
}

/** Type that an expression must have. */
export type Wanted = 'bool' | 'string' | 'int' | 'double' | 'list' | 'any'

/** What the place of an expression offers. */
export interface ExpressionContext {
  /** Names that every path of the rule captures. */
  readonly captures?: ReadonlySet<string>
}

/**
 * Compiles and type-checks CEL.
 * @param wanted the type it must have; `dyn` (a claim, whose type only the token knows) passes for all but `bool`
 */
export function compileExpression(
  source: string,
  wanted: Wanted,
  context: ExpressionContext = {},
): Expression | ExpressionError {
  if (source.length > MAX_SOURCE) {
    const message = `the expression has ${source.length} characters, ${MAX_SOURCE} are the most`
    return { message, start: 0, end: source.length, hint: 'Split it into several rules.' }
  }
  try {
    const program = environment.parse(source)
    const checked = program.check()
    if (!checked.valid) return refusal(source, checked.error)
    const type = checked.type ?? 'nothing'
    if (!fits(type, wanted)) {
      const message = `gives ${type} where ${wanted} is needed`
      return { message, start: 0, end: source.length, hint: typeHint(type, wanted) }
    }
    const { refused, facts: read, cost, shares } = new Analysis(source, program.ast, context.captures)
    if (refused !== undefined) {
      const { message, place, hint } = refused
      return { message, ...place, ...(hint !== undefined && { hint }) }
    }
    const evaluate = (facts: Facts): unknown => {
      refill()
      return program(facts)
    }
    const evaluateShared = (facts: Facts): unknown => {
      const value = evaluate(facts)
      spendDeep(value)
      return value
    }
    const { needsIdentity, needsHost, needsRequest, reads } = read
    return { needsIdentity, needsHost, needsRequest, reads, cost, evaluate: shares ? evaluateShared : evaluate }
  } catch (error) {
    return refusal(source, error)
  }
}

export function isExpressionError(result: Expression | ExpressionError): result is ExpressionError {
  return 'message' in result
}

function fits(type: string, wanted: Wanted): boolean {
  if (wanted === 'any' || type === wanted) return true
  if (wanted === 'list' && type.startsWith('list<')) return true
  if (wanted === 'double' && type === 'int') return true
  return type === 'dyn' && wanted !== 'bool'
}

function refusal(source: string, error: unknown): ExpressionError {
  const { summary, message, range } = error as {
    summary?: string
    message: string
    range?: { start: number; end: number }
  }
  const summed = summary ?? message
  const isBlank = source.trim() === ''
  const [start, end] = isBlank ? [0, source.length] : [range?.start ?? 0, range?.end ?? source.length]
  const hint = hintOf(summed, source, start, end)
  return { message: messageOf(summed, source), start, end, ...(hint !== undefined && { hint }) }
}
