import { type Identity, identityOf } from '../../../agent/identity/identity.ts'
import {
  compileExpression,
  type Expression,
  type ExpressionError,
  type Facts,
  isExpressionError,
  type Wanted,
} from '../../../agent/rules/cel.ts'
import { ConnectionView, IdentityView, NO_VERDICT, RequestView } from '../../../agent/rules/facts.ts'

export interface Given {
  readonly query?: string
  readonly path?: string
  readonly source?: string
  /** By name: a value, or as many values as there are fields. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** ISO 8601. */
  readonly time?: string
  readonly captures?: Readonly<Record<string, string>>
  readonly identity?: Partial<Identity>
  readonly connection?: ConnectionView
  readonly verdict?: Facts['verdict']
}

export function factsOf(given: Given = {}): Facts {
  const { path = '/orders/7', query = '', source = '192.0.2.1', headers = {}, captures = {} } = given
  const fields = Object.entries(headers).map(
    ([name, value]) =>
      [name, { value: [value].flat().at(-1) ?? '', count: [value].flat().length }] satisfies [string, object],
  )
  const at = given.time === undefined ? undefined : Date.parse(given.time)
  return {
    request: new RequestView('id', 'GET', 'api.example.com', path, query, source, true, new Map(fields), at),
    connection: given.connection ?? new ConnectionView(source, true),
    identity: new IdentityView(
      identityOf({ provider: 'corp', method: 'jwt', issuer: '', subject: 'alice', digest: '', ...given.identity }),
    ),
    captures,
    verdict: given.verdict ?? NO_VERDICT,
  }
}

export function compiled(source: string, wanted: Wanted = 'any', captures: readonly string[] = []): Expression {
  const result = compileExpression(source, wanted, { captures: new Set(captures) })
  if (isExpressionError(result)) throw new Error(`${source}: ${result.message}`)
  return result
}

export function refused(source: string, wanted: Wanted = 'any', captures?: readonly string[]): ExpressionError {
  const result = compileExpression(source, wanted, captures === undefined ? {} : { captures: new Set(captures) })
  if (!isExpressionError(result)) throw new Error(`${source} was accepted`)
  return result
}

export function evaluate(source: string, given: Given = {}): unknown {
  return compiled(source, 'any', Object.keys(given.captures ?? {})).evaluate(factsOf(given))
}
