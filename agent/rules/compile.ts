import type { ConfigDocument, Path } from '../config/document.ts'
import { ConfigError, type Problem } from '../config/problem.ts'
import type { AgentConfig, RuleConfig, WorkflowConfig } from '../config/schema.ts'
import { suggest } from '../config/suggest.ts'
import type { Requirement } from '../identity/requirement.ts'
import { compileExpression, type Expression, isExpressionError } from './cel.ts'
import { compilePath, type PathMatcher } from './path.ts'
import type { CallerRequirement, CompiledRule, CompiledWorkflow, HostMatcher, RuleSet } from './rule.ts'
import { RESERVED_VARIABLES } from './variables.ts'

/**
 * Turns the rules of a configuration into what the decision path runs.
 * @throws {ConfigError} with every problem: unknown providers, expressions that do not compile, rules that contradict
 * themselves
 */
export function compileRules(config: AgentConfig, document: ConfigDocument): RuleSet {
  const compiler = new Compiler(document, Object.keys(config.identity.providers), config.actor.pseudonyms !== undefined)
  const rules = config.rules.map((rule, index) => compiler.rule(rule, index))
  if (compiler.problems.length > 0) {
    throw new ConfigError(compiler.problems.toSorted((a, b) => a.line - b.line || a.column - b.column))
  }
  const tellsHostsApart = rules.some(({ match, when }) => match.hosts !== undefined || when?.needsHost === true)
  return { rules, tellsHostsApart, defaultDeny: config.default.deny }
}

class Compiler {
  readonly problems: Problem[] = []
  readonly #document: ConfigDocument
  readonly #providers: readonly string[]
  readonly #hasPseudonyms: boolean
  readonly #names = new Set<string>()
  readonly #requirements = new Map<string, Requirement>()

  constructor(document: ConfigDocument, providers: readonly string[], hasPseudonyms: boolean) {
    this.#document = document
    this.#providers = providers
    this.#hasPseudonyms = hasPseudonyms
  }

  rule(rule: RuleConfig, index: number): CompiledRule {
    const path: Path = ['rules', index]
    if (this.#names.has(rule.name)) {
      this.#refuse(
        'CONFIG_REFERENCE',
        [...path, 'name'],
        `two rules are called "${rule.name}"`,
        'Names are unique: metrics and event ids use them.',
      )
    }
    this.#names.add(rule.name)
    const anonymous = this.#identity(rule, path)
    return {
      name: rule.name,
      index,
      match: {
        methods: rule.match.method === undefined ? undefined : new Set(rule.match.method),
        hosts: rule.match.host?.map(compileHost),
        paths: this.#paths(rule, path),
      },
      when: this.#expression(rule.match.when, [...path, 'match', 'when'], 'bool', anonymous),
      caller: this.#caller(rule),
      scopes: rule.identity === undefined || rule.identity === 'none' ? [] : rule.identity.scopes,
      deny: rule.deny,
      set: this.#set(rule, path, anonymous),
      route: this.#route(rule, path),
      workflow:
        rule.workflow === undefined
          ? undefined
          : this.#workflow(rule.name, rule.workflow, [...path, 'workflow'], anonymous),
    }
  }

  /** Equal requirements become one object, so that the decision sees at a glance that two rules ask the same. */
  #caller({ identity }: RuleConfig): CallerRequirement | undefined {
    if (identity === undefined || identity === 'none') return undefined
    const { require, optional, failOpen } = identity
    const key = JSON.stringify(require)
    const requirement = this.#requirements.get(key) ?? require
    this.#requirements.set(key, requirement)
    return { requirement, optional, failOpen }
  }

  /** Whether the rule asks for no identity. Silence is refused: a front door must not guess. */
  #identity(rule: RuleConfig, path: Path): boolean {
    if (rule.identity === undefined) {
      if (rule.deny === undefined) {
        this.#refuse('CONFIG_IDENTITY_UNSTATED', path, `rule "${rule.name}" does not say who may call`)
      }
      return true
    }
    if (rule.identity === 'none') return true
    const { require, optional, failOpen } = rule.identity
    if (require.mode === 'all' && (optional || failOpen)) {
      this.#refuse(
        'CONFIG_CONFLICT',
        [...path, 'identity'],
        `"all" goes with neither "optional" nor "failOpen"`,
        'One of the credentials would stand for the others.',
      )
    }
    if (require.mode === 'all' && new Set(require.providers).size < require.providers.length) {
      this.#refuse('CONFIG_CONFLICT', [...path, 'identity', 'require'], '"all" names a provider twice')
    }
    for (const name of rule.identity.require.providers) {
      if (this.#providers.includes(name)) continue
      const close = suggest(name, this.#providers)
      const hint =
        close === undefined
          ? `Declared under identity.providers: ${this.#providers.join(', ') || 'none'}.`
          : `Did you mean "${close}"?`
      this.#refuse('CONFIG_REFERENCE', [...path, 'identity', 'require'], `no provider is called "${name}"`, hint)
    }
    return false
  }

  #paths(rule: RuleConfig, path: Path): PathMatcher[] | undefined {
    return rule.match.path?.map((pattern) => {
      const compiled = compilePath(pattern)
      if (typeof compiled === 'function') return compiled
      this.#refuse('CONFIG_INVALID', [...path, 'match', 'path'], `path "${pattern}": ${compiled}`)
      return () => false
    })
  }

  #set(rule: RuleConfig, path: Path, anonymous: boolean): [string, Expression][] {
    return Object.entries(rule.set).flatMap(([name, source]) => {
      const at = [...path, 'set', name]
      if (RESERVED_VARIABLES.has(name)) {
        this.#refuse(
          'CONFIG_CONFLICT',
          at,
          `"${name}" is a variable that the agent sets itself`,
          'Choose another name.',
        )
      }
      const expression = this.#expression(source, at, 'any', anonymous)
      return expression === undefined ? [] : [[name, expression]]
    })
  }

  #route(rule: RuleConfig, path: Path): string | undefined {
    if (rule.route !== undefined && rule.deny !== undefined) {
      this.#refuse('CONFIG_CONFLICT', [...path, 'route'], `rule "${rule.name}" denies, so its route is never taken`)
    }
    return rule.route
  }

  #workflow(rule: string, workflow: WorkflowConfig, path: Path, anonymous: boolean): CompiledWorkflow {
    const kind = workflow.start !== undefined ? 'start' : workflow.signal !== undefined ? 'signal' : 'meter'
    if (workflow.keyAs === 'pseudonym' && !this.#hasPseudonyms) {
      this.#refuse('CONFIG_MISSING', [...path, 'keyAs'], '"keyAs: pseudonym" needs "actor.pseudonyms"')
    }
    return {
      kind,
      rule,
      type: workflow.type ?? rule,
      workflowType: workflow[kind] ?? '',
      query: workflow.query,
      keyAs: workflow.keyAs,
      taskQueue: workflow.taskQueue,
      delivery: workflow.delivery,
      keyExpression: this.#expression(workflow.key, [...path, 'key'], 'string', anonymous),
    }
  }

  #expression(
    source: string | undefined,
    path: Path,
    wanted: 'bool' | 'string' | 'any',
    anonymous: boolean,
  ): Expression | undefined {
    if (source === undefined) return undefined
    const compiled = compileExpression(source, wanted)
    if (isExpressionError(compiled)) {
      const { message, start, end, hint } = compiled
      this.problems.push(
        this.#document.atValue('CONFIG_CEL', path, message, {
          offset: start,
          length: Math.max(1, end - start),
          ...(hint !== undefined && { hint }),
        }),
      )
      return undefined
    }
    if (anonymous && compiled.needsIdentity) {
      this.#refuse(
        'CONFIG_CONFLICT',
        path,
        'the expression reads "identity", but the rule asks for none',
        'Give the rule "identity: { require: <provider> }".',
      )
    }
    return compiled
  }

  #refuse(code: Problem['code'], path: Path, message: string, hint?: string): void {
    this.problems.push(this.#document.atValue(code, path, message, hint === undefined ? {} : { hint }))
  }
}

/** `api.example.com`, or `*.example.com` for every name below it. Ports are not part of a host. */
function compileHost(pattern: string): HostMatcher {
  const lower = pattern.toLowerCase()
  if (!lower.startsWith('*.')) return (host) => host === lower
  const suffix = lower.slice(1)
  return (host) => host.length > suffix.length && host.endsWith(suffix)
}
