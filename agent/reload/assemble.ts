import { openActors } from '../actor/open.ts'
import { createAudit } from '../audit/audit.ts'
import { checkFallback, checkHandler } from '../check.ts'
import type { Budgets } from '../budgets.ts'
import type { AgentConfig } from '../config/schema.ts'
import { DecisionCounters } from '../counters.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { type IdentityParts, identityOf } from '../identity/from-config.ts'
import type { Kept } from '../identity/kept.ts'
import type { Logger } from '../log.ts'
import { outcomeHandler } from '../outcome.ts'
import type { Limiters } from '../limits/limiters.ts'
import { compileInSteps, type RuleState } from '../rules/compile.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import type { VerdictTable } from '../verdicts/verdict-table.ts'
import type { Windows } from '../windows/windows.ts'
import { wordingOf } from '../wording.ts'
import { carriedOver, Generation, type SharedParts } from './generation.ts'
import { inSlices } from './in-slices.ts'
import type { Outline } from './outline.ts'
import { withKnownRequirements } from './requirements.ts'
import { applicable } from './restart-keys.ts'
import { Shared } from './shared.ts'
import { documentOf, type ValidConfig } from './valid-config.ts'
import { untilWarm, WARM_MS } from './warm.ts'

/** What all generations have in common: it lives as long as the process. */
export interface Foundation {
  readonly log: Logger
  /** What is remembered of callers whatever the configuration says. */
  readonly kept: Kept
  /** What callers have used up of their limits. */
  readonly limiters: Limiters
  /** What workflows have told of callers. */
  readonly verdicts: VerdictTable
  /** Milliseconds that the providers of a new configuration are waited for; {@link WARM_MS} when absent. */
  readonly warmMs?: number | undefined
  /** Ends that wait when the agent stops. */
  readonly signal?: AbortSignal | undefined
}

/** A configuration with all that it needs, ready to be put in force, or to be given up by `release`. */
export interface Prepared {
  readonly config: AgentConfig
  readonly hash: string
  readonly outline: Outline
  readonly pendingRestart: readonly string[]
  readonly ruleSet: RuleSet
  /** Where its shadow rules are counted, from the moment that there is something to count. */
  readonly shadows: { counters?: DecisionCounters }
  readonly parts: SharedParts
}

/**
 * Makes all that a configuration needs, and changes nothing of what is in force. Parts of `former` whose settings are the
 * same go on with all they know: keys, caches, what is open to whom.
 * @throws {UserError} a secret that must be there is not
 * @throws {NotReadyError} a provider that must be ready is not; only with `former`: at the start nothing is waited for
 */
export async function prepare(
  valid: ValidConfig,
  { log, kept, limiters, verdicts, warmMs = WARM_MS, signal }: Foundation,
  former?: Generation,
): Promise<Prepared> {
  const { hash, outline, config: wanted } = valid
  const { config, pendingRestart } =
    former === undefined ? { config: wanted, pendingRestart: [] } : applicable(former.config, wanted)
  const carried = carriedOver(former?.parts.identity, former?.config.identity, config.identity)
  const open: { release(): Promise<void> }[] = carried === undefined ? [] : [carried]
  try {
    const known = carried === undefined ? config : withKnownRequirements(config, carried.value.authenticator)
    const shadows: Prepared['shadows'] = {}
    const state: RuleState = {
      limiters,
      verdicts,
      onShadow: (rule, { reason }) => shadows.counters?.shadow(rule, reason),
    }
    const ruleSet = await inSlices(compileInSteps(known, documentOf(valid), state))
    const identity = carried ?? new Shared(identityOf(config, log, kept), (parts) => parts.close())
    if (carried === undefined) {
      open.push(identity)
      withKnownRequirements(config, identity.value.authenticator)
      identity.value.start()
    }
    const actors =
      carriedOver(former?.parts.actors, actorSettings(former?.config), actorSettings(config)) ??
      new Shared(await openActors(config.actor, log), ({ close }) => close())
    open.push(actors)
    const audit = carriedOver(former?.parts.audit, former?.config.audit, config.audit) ?? (await newAudit(config, log))
    if (audit !== undefined) open.push(audit)
    if (former !== undefined && carried === undefined)
      await warm(config, identity.value, former, { log, warmMs, signal })
    return { config, hash, outline, pendingRestart, ruleSet, shadows, parts: { identity, actors, audit } }
  } catch (error) {
    await Promise.allSettled(open.map((part) => part.release()))
    throw error
  }
}

/** What pseudonyms and fields are made by; the rest of `actor` is the dispatcher's. */
function actorSettings(config: AgentConfig | undefined): object | undefined {
  return config && { fields: config.actor.fields, pseudonyms: config.actor.pseudonyms }
}

async function newAudit({ audit }: AgentConfig, log: Logger): Promise<SharedParts['audit']> {
  if (audit === undefined) return undefined
  const sink = createAudit(audit, { now: Date.now, monotonicMs: () => performance.now(), log })
  // Records need their key before the first request.
  await sink.start()
  return new Shared(sink, () => sink.close())
}

async function warm(
  { identity }: AgentConfig,
  next: IdentityParts,
  former: Generation,
  { log, warmMs, signal }: Pick<Foundation, 'log' | 'signal'> & { readonly warmMs: number },
): Promise<void> {
  const { authenticator, revocations } = former.identity
  const providers = Object.keys(former.config.identity.providers)
  await untilWarm({ identity, next, former: { authenticator, revocations, providers }, log, timeoutMs: warmMs, signal })
}

/** What generations use together, and one of them only at a time decides with. */
export interface Common {
  readonly dispatcher: Dispatcher
  readonly windows: Windows
  readonly budgets: Budgets
}

/** The generation of a prepared configuration. Does not fail for anything that a configuration could say. */
export function generationOf(
  { config, hash, outline, pendingRestart, ruleSet, shadows, parts }: Prepared,
  { dispatcher, windows, budgets }: Common,
  former?: Generation,
): Generation {
  const identity = parts.identity.value
  const { authenticator } = identity
  const wording = wordingOf(config, identity)
  dispatcher.addRules(ruleSet.rules.map((rule) => rule.name))
  windows.use(ruleSet.rules.flatMap(({ workflow }) => workflow ?? []))
  budgets.use(ruleSet.rules)
  const counters = new DecisionCounters(ruleSet.rules, former?.counters)
  shadows.counters = counters
  const { actors } = parts.actors.value
  const check = {
    ruleSet,
    authenticator,
    dispatcher,
    windows,
    budgets,
    deadlineMs: config.spop.deadline,
    counters,
    actors,
    wording,
    audit: parts.audit?.value,
  }
  const facts = {
    number: (former?.number ?? 0) + 1,
    config,
    hash,
    outline,
    loadedAt: Date.now(),
    pendingRestart,
    counters,
  }
  return new Generation(facts, parts, {
    messages: {
      check: checkHandler(check),
      check_body: checkHandler(check, 'check_body'),
      connect: checkHandler(check, 'connect'),
      outcome: outcomeHandler(counters, windows),
    },
    fallback: checkFallback(counters, wording, config.spop.deadline),
  })
}
