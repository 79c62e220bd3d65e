import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { suggest } from '../config/suggest.ts'
import { ConnectionView, IdentityView, RequestView } from './facts.ts'

/** What an expression is evaluated against. `identity` is empty where nobody is known. */
export interface Facts {
  readonly request: RequestView
  readonly connection: ConnectionView
  readonly identity: IdentityView
}

export interface Expression {
  /** Whether it reads `identity`, so that the caller must be known before it can be evaluated. */
  readonly needsIdentity: boolean
  /** Whether it reads `request.host`. */
  readonly needsHost: boolean
  /** @throws when a claim it reads is absent, or types do not fit at run time */
  evaluate(facts: Facts): unknown
}

/** Why an expression is refused; `start` and `end` are character offsets within it. */
export interface ExpressionError {
  readonly message: string
  readonly start: number
  readonly end: number
  readonly hint?: string
}

/** Fields by type, as expressions may read them. */
const FIELDS = {
  Request: { id: 'string', method: 'string', host: 'string', path: 'string', query: 'string' },
  Connection: { source: 'string', tls: 'bool' },
  Identity: {
    provider: 'string',
    issuer: 'string',
    subject: 'string',
    tenant: 'string',
    roles: 'list<string>',
    scopes: 'list<string>',
    claims: 'map<string, dyn>',
  },
} as const
const NAMES = ['request', 'connection', 'identity', ...Object.values(FIELDS).flatMap((fields) => Object.keys(fields))]

const environment = new Environment({ limits: { maxAstNodes: 2000, maxDepth: 64 } })
  .registerType('Request', { ctor: RequestView, fields: FIELDS.Request })
  .registerType('Connection', { ctor: ConnectionView, fields: FIELDS.Connection })
  .registerType('Identity', { ctor: IdentityView, fields: FIELDS.Identity })
  .registerVariable('request', 'Request')
  .registerVariable('connection', 'Connection')
  .registerVariable('identity', 'Identity')

/**
 * Compiles and type-checks CEL.
 * @param wanted the type it must have; `dyn` (a claim, whose type only the token knows) passes for `string` and `any`
 */
export function compileExpression(source: string, wanted: 'bool' | 'string' | 'any'): Expression | ExpressionError {
  try {
    const program = environment.parse(source)
    const checked = program.check()
    if (!checked.valid) return refusal(source, checked.error)
    const fits = wanted === 'any' || checked.type === wanted || (wanted === 'string' && checked.type === 'dyn')
    if (!fits) {
      return { message: `gives ${checked.type ?? 'nothing'} where ${wanted} is needed`, start: 0, end: source.length }
    }
    const names = new Set<string>()
    const problem = walk(program.ast, names, false)
    if (problem !== undefined) {
      return { message: problem.message, start: problem.node.range.start, end: problem.node.range.end }
    }
    return { needsIdentity: names.has('identity'), needsHost: names.has('request.host'), evaluate: program }
  } catch (error) {
    return refusal(source, error)
  }
}

export function isExpressionError(result: Expression | ExpressionError): result is ExpressionError {
  return 'message' in result
}

function refusal(source: string, error: unknown): ExpressionError {
  const { summary, message, range } = error as {
    summary?: string
    message: string
    range?: { start: number; end: number }
  }
  const unknown = /^(?:No such key|Unknown variable): (\w+)$/.exec(summary ?? '')?.[1]
  const close = unknown === undefined ? undefined : suggest(unknown, NAMES)
  return {
    message: summary ?? message,
    start: range?.start ?? 0,
    end: range?.end ?? source.length,
    ...(close !== undefined && { hint: `Did you mean "${close}"?` }),
  }
}

/** Macros that evaluate an expression once for each element of a list or map. */
const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map'])

interface Refused {
  readonly node: ASTNode
  readonly message: string
}

/** Collects the names that are read; finds what could run for longer than a request may. */
function walk(node: ASTNode, names: Set<string>, inLoop: boolean): Refused | undefined {
  if (node.op === 'id') names.add(node.args)
  if (node.op === '.' && node.args[0].op === 'id') names.add(`${node.args[0].args}.${node.args[1]}`)
  const method = node.op === 'rcall' ? node.args[0] : ''
  if (method === 'matches') {
    // cel-js compiles matches() into a backtracking RegExp at each evaluation: seconds for 27 hostile characters.
    const message =
      'matches() is not available: its running time is not bounded; use path patterns, startsWith, endsWith or contains'
    return { node, message }
  }
  const loop = LOOPS.has(method)
  if (loop && inLoop) {
    return { node, message: 'a loop inside a loop is not available: a token may bring lists of thousands' }
  }
  let found: Refused | undefined
  const visit = (value: unknown): void => {
    if (found !== undefined || typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) value.forEach(visit)
    else if ('op' in value) found = walk(value as ASTNode, names, inLoop || loop)
  }
  visit(node.args)
  return found
}
