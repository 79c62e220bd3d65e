import type { ConfigDocument } from '../config/document.ts'
import { ConfigError, inOrder } from '../config/problem.ts'
import type { AgentConfig, RuleConfig } from '../config/schema.ts'
import { Limiters } from '../limits/limiters.ts'
import { VerdictTable } from '../verdicts/verdict-table.ts'
import { CompileContext, RuleContext } from './compile-context.ts'
import { compileLimits, compileRedirect, compileRouteBy, compileSet } from './compile-effects.ts'
import { compileCaller, type Requirements } from './compile-identity.ts'
import { compilePaths, refuseRequestParts } from './compile-match.ts'
import { compileWorkflow } from './compile-workflow.ts'
import { compileConditions } from './conditions.ts'
import type { CompiledRule } from './rule.ts'
import { RuleIndex } from './rule-index.ts'
import type { Policy, RuleSet } from './rule-set.ts'

/** What outlives a configuration: a reload hands it on. */
export interface RuleState {
  readonly limiters: Limiters
  readonly verdicts: VerdictTable
  readonly onShadow: Policy['onShadow']
}

/**
 * Turns the rules of a configuration into what the decision path runs.
 * @throws {ConfigError} with every problem: unknown providers, expressions that do not compile, rules that contradict
 * themselves
 */
export function compileRules(
  config: AgentConfig,
  document: ConfigDocument,
  state: RuleState = { limiters: new Limiters(), verdicts: new VerdictTable(), onShadow() {} },
): RuleSet {
  const steps = compileInSteps(config, document, state)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/**
 * {@link compileRules}, a rule at each step: whoever has requests to answer meanwhile lets them have their turn.
 * @throws {ConfigError} at the last step
 */
export function* compileInSteps(
  config: AgentConfig,
  document: ConfigDocument,
  state: RuleState,
): Generator<void, RuleSet, void> {
  const compile = new CompileContext(config, document, state.limiters)
  const requirements: Requirements = new Map()
  const names = new Set<string>()
  const rules: CompiledRule[] = []
  for (const [index, rule] of config.rules.entries()) {
    if (names.has(rule.name)) {
      const hint = 'Names are unique: metrics and event ids use them.'
      compile.refuse('CONFIG_REFERENCE', [...rule.at, 'name'], `two rules are called "${rule.name}"`, hint)
    }
    names.add(rule.name)
    rules.push(compileRule(rule, index, compile, requirements))
    yield
  }
  if (compile.problems.length > 0) throw new ConfigError(inOrder(compile.problems))
  const policy = (on: CompiledRule['on']): Policy => {
    const ordered = rules.filter((rule) => rule.on === on)
    const { verdicts, onShadow } = state
    const index = new RuleIndex(ordered.map(({ match }) => match))
    return { ordered, index, defaultDeny: config.default.deny, verdicts, onShadow }
  }
  return {
    ...policy('request'),
    rules,
    connections: policy('connection'),
    tellsHostsApart: compile.readsHost || rules.some(({ match }) => match.hosts !== undefined),
    needs: compile.needs.request,
    connectionNeeds: compile.needs.connection,
    limiterIds: compile.limiterIds,
  }
}

/** Of thousands of rules most have none of most things: what they all share stays in the processor's caches. */
const NONE: readonly never[] = Object.freeze([])

function orNone<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NONE : list
}

function compileRule(
  rule: RuleConfig,
  index: number,
  compile: CompileContext,
  requirements: Requirements,
): CompiledRule {
  refuseRequestParts(rule, compile)
  const paths = compilePaths(rule, compile)
  const context = new RuleContext(rule, compile, paths.captures)
  const caller = compileCaller(context, requirements)
  const { conditions, headers, connection, others } = compileConditions(rule.match, (key, message) =>
    context.refuse('CONFIG_INVALID', ['match', ...key], message),
  )
  context.needs.add(headers, connection, others)
  const when =
    rule.match.when === undefined ? undefined : context.expression(rule.match.when, ['match', 'when'], 'bool')
  return {
    name: rule.name,
    index,
    on: rule.on,
    shadow: rule.mode === 'shadow',
    match: {
      methods: rule.match.method === undefined ? undefined : new Set(rule.match.method),
      hosts: rule.match.host?.map((host) => host.toLowerCase()),
      paths: paths.patterns,
    },
    conditions: orNone(conditions),
    pathRegex: paths.regex,
    captures: orNone(paths.captures),
    when,
    // A verdict about a caller needs one.
    whenNeedsCaller: when !== undefined && (when.needsIdentity || (caller !== undefined && when.reads.verdict)),
    caller,
    scopes: orNone(rule.identity === undefined || rule.identity === 'none' ? [] : rule.identity.scopes),
    limits: orNone(compileLimits(context)),
    deny: rule.deny,
    redirect: compileRedirect(context),
    message: rule.message,
    set: orNone(compileSet(context)),
    route: rule.route,
    routeBy: compileRouteBy(context),
    workflow: compileWorkflow(context),
    // Last: every expression has been compiled by now.
    readsVerdict: context.readsVerdict,
  }
}
