import type { ConfigDocument, Path } from '../config/document.ts'
import type { Problem } from '../config/problem.ts'
import type { AgentConfig, RuleConfig } from '../config/schema.ts'
import type { Limiters } from '../limits/limiters.ts'
import {
  compileExpression,
  type ConnectionFact,
  type Expression,
  type ExpressionError,
  isExpressionError,
  type Wanted,
} from './cel.ts'
import type { RuleNeeds } from './rule-set.ts'

/** What rules of one kind read that spoe.conf does not send by itself. */
export class Needed implements RuleNeeds {
  readonly #headers = new Set<string>()
  readonly #connection = new Set<ConnectionFact>()
  readonly #others = new Set<string>()

  add(headers: readonly string[], connection: readonly ConnectionFact[], others: readonly string[]): void {
    for (const header of headers) this.#headers.add(header)
    for (const fact of connection) this.#connection.add(fact)
    for (const argument of others) this.#others.add(argument)
  }

  get headers(): readonly string[] {
    return [...this.#headers]
  }

  get connection(): readonly ConnectionFact[] {
    return [...this.#connection]
  }

  get others(): readonly string[] {
    return [...this.#others]
  }
}

/** What a configuration is compiled with, and what is found on the way. */
export class CompileContext {
  readonly config: AgentConfig
  readonly document: ConfigDocument
  readonly limiters: Limiters
  readonly problems: Problem[] = []
  /** Of the limiters that the rules use. */
  readonly limiterIds: string[] = []
  /** What rules read that spoe.conf does not send by itself. */
  readonly needs = { request: new Needed(), connection: new Needed() }
  /** Whether a rule's match or answer depends on the host. */
  readsHost = false
  readonly #expressions = new Map<string, Expression | ExpressionError>()

  constructor(config: AgentConfig, document: ConfigDocument, limiters: Limiters) {
    this.config = config
    this.document = document
    this.limiters = limiters
  }

  /** Equal expressions are one: rules by the thousand repeat theirs, and what is shared stays in the processor's caches. */
  compiled(source: string, wanted: Wanted, captures: ReadonlySet<string>): Expression | ExpressionError {
    const key = JSON.stringify([source, wanted, ...captures])
    const known = this.#expressions.get(key) ?? compileExpression(source, wanted, { captures })
    this.#expressions.set(key, known)
    return known
  }

  refuse(code: Problem['code'], path: Path, message: string, hint?: string): void {
    this.problems.push(this.document.atValue(code, path, message, hint === undefined ? {} : { hint }))
  }
}

/** One rule on its way, for the functions that compile its parts. */
export class RuleContext {
  readonly rule: RuleConfig
  readonly path: Path
  readonly compile: CompileContext
  /** Nobody is asked who calls. */
  readonly anonymous: boolean
  readonly captures: ReadonlySet<string>
  readsVerdict = false

  constructor(rule: RuleConfig, compile: CompileContext, captures: readonly string[]) {
    this.rule = rule
    this.path = rule.at
    this.compile = compile
    this.anonymous = rule.identity === undefined || rule.identity === 'none'
    this.captures = new Set(captures)
  }

  get needs(): Needed {
    return this.compile.needs[this.rule.on]
  }

  refuse(code: Problem['code'], below: Path, message: string, hint?: string): void {
    this.compile.refuse(code, [...this.path, ...below], message, hint)
  }

  /**
   * Compiles an expression of the rule.
   * @param below where it stands in the rule
   * @param withCaller false where it is evaluated before anybody knows who calls
   */
  expression(source: string, below: Path, wanted: Wanted, withCaller = true): Expression | undefined {
    const compiled = this.compile.compiled(source, wanted, this.captures)
    const path = [...this.path, ...below]
    if (isExpressionError(compiled)) {
      const { message, start, end, hint } = compiled
      const place = { offset: start, length: Math.max(1, end - start), ...(hint !== undefined && { hint }) }
      this.compile.problems.push(this.compile.document.atValue('CONFIG_CEL', path, message, place))
      return undefined
    }
    if (compiled.needsIdentity && (this.anonymous || !withCaller)) {
      const [message, hint] = withCaller
        ? [
            'the expression reads "identity", but the rule asks for none',
            'Give the rule "identity: { require: <provider> }".',
          ]
        : ['the expression reads "identity", but it is for callers that are not known', 'Read "request" instead.']
      this.compile.refuse('CONFIG_CONFLICT', path, message, hint)
    }
    if (this.rule.on === 'connection' && compiled.needsRequest) {
      const message = 'the expression reads "request", but the rule is for connections'
      this.compile.refuse(
        'CONFIG_CONFLICT',
        path,
        message,
        'Of a connection only "connection", "verdict" and request.time are known.',
      )
    }
    const { reads } = compiled
    this.needs.add(reads.headers, reads.connection, [
      ...(reads.params.length > 0 ? ['query'] : []),
      // By the words alone: to ask for one too many does no harm, the shipped spoe.conf sends them.
      ...(reads.verdict || /\bsource\b/.test(source) ? ['src'] : []),
      ...(/\btls\b/.test(source) ? ['tls'] : []),
    ])
    // What is only told to others may be without a host.
    if (below[0] !== 'set' && below[0] !== 'workflow') this.compile.readsHost ||= compiled.needsHost
    this.readsVerdict ||= reads.verdict
    return compiled
  }

  /** A list of expressions by name. */
  expressions(sources: Readonly<Record<string, string>>, below: Path): [string, Expression][] {
    return Object.entries(sources).flatMap(([name, source]) => {
      const expression = this.expression(source, [...below, name], 'any')
      return expression === undefined ? [] : [[name, expression]]
    })
  }
}
