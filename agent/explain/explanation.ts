import type { Actors } from '../actor/actors.ts'
import type { LoadedConfig } from '../config/load.ts'
import { type DenyReason, reasons } from '../identity/reasons.ts'
import type { Decision } from '../rules/decision.ts'
import { ConnectionView } from '../rules/facts.ts'
import { factsOf } from '../rules/rule-facts.ts'
import type { CompiledRule } from '../rules/rule.ts'
import type { Policy } from '../rules/rule-set.ts'
import { type Caller, callerOf } from './caller.ts'
import { type Cost, costOf } from './cost.ts'
import { type Effects, effectsOf } from './effects.ts'
import type { Answer } from './engine.ts'
import type { AskedRequest } from './question.ts'
import { certificateDigest, type Secrets } from './secrets.ts'
import { type Misfit, misfits } from './skipped.ts'
import type { Tried } from './steps.ts'
import { type Why, whyOf } from './why.ts'

export interface ExplainedStep extends Why {
  readonly what: string
  readonly result: 'passed' | 'failed' | 'error'
  readonly us: number
}

export interface ExplainedRule {
  readonly name: string
  /** `agent.yaml:12`. */
  readonly place: string
  /** `no match`: the next rule is tried. `shadow`: it would have decided, and was only recorded. */
  readonly outcome: 'decided' | 'no match' | 'shadow'
  readonly steps: readonly ExplainedStep[]
}

export interface ShadowRule {
  readonly rule: string
  readonly decision: 'allow' | 'deny'
  readonly status: number
  readonly reason: string
}

/** All that there is to say of one decision; free of credentials. */
export interface Explanation extends Effects {
  readonly config: string
  readonly request: {
    readonly id: string
    readonly method: string
    /** As sent. */
    readonly path: string
    readonly query: string
    readonly host: string
    /** What rules match; empty where there is none that is safe. */
    readonly canonicalHost: string
    readonly canonicalPath: string
    readonly source: string
    readonly tls: boolean
    readonly tlsVersion: string
    readonly sni: string
    readonly alpn: string
    /** Values of fields that hold credentials are digests. */
    readonly headers: readonly (readonly [name: string, value: string])[]
    readonly certificate: string | undefined
    readonly at: string
  }
  readonly caller: Caller
  readonly decision: 'allow' | 'deny'
  readonly status: number
  readonly reason: string
  readonly hint: string | undefined
  /** Page and heading that tell more: `docs/identity/keys.md#in-an-outage`. */
  readonly doc: string | undefined
  /** That decided; undefined where none matched. */
  readonly rule: string | undefined
  readonly place: string | undefined
  readonly route: string | undefined
  readonly location: string | undefined
  readonly tried: readonly ExplainedRule[]
  /** Rules before the one that decided which the index did not come up with. */
  readonly skipped: readonly { readonly name: string; readonly place: string; readonly misfits: readonly Misfit[] }[]
  /** Rules behind the one that decided. */
  readonly notReached: readonly string[]
  readonly shadows: readonly ShadowRule[]
  readonly cost: Cost
  readonly notes: readonly string[]
}

export interface Explained {
  readonly loaded: LoadedConfig
  readonly policy: Policy
  readonly asked: AskedRequest
  readonly answer: Answer
  readonly tried: readonly Tried[]
  readonly secrets: Secrets
  readonly actors: Actors
  /** Whether the caller was proven, given by somebody, or taken from a record. */
  readonly source: 'proven' | 'assumed' | 'recorded'
  /** The same decision again, everything known, in microseconds; undefined where that was not tried. */
  readonly againUs: number | undefined
  readonly notes: readonly string[]
}

/** Puts together what a decision was made of. */
export function explanationOf(explained: Explained): Explanation {
  const { loaded, policy, asked, answer, tried, secrets, notes } = explained
  const { decision, request, shadows } = answer
  const connection = new ConnectionView(request.source, request.tls, asked.tlsVersion, asked.sni, asked.alpn)
  const placeOf = (rule: CompiledRule): string => {
    const at = loaded.config.rules[rule.index]?.at ?? []
    const { file, line } = loaded.document.atValue('CONFIG_INVALID', at, '')
    return `${file}:${line}`
  }
  const shadowed = new Set(shadows.map(({ rule }) => rule))
  const rules = tried.map(({ rule, steps, caller }): ExplainedRule => {
    const config = loaded.config.rules[rule.index]
    const identity = caller?.ok === true ? caller.identity : undefined
    const facts = factsOf(rule, policy, request, connection, identity)
    const explainedSteps = steps.map((step) => ({
      what: step.what,
      result: step.result,
      us: step.us,
      ...(config === undefined ? { values: [] } : whyOf(step, rule, config, facts, secrets)),
    }))
    const outcome = rule === decision.rule ? 'decided' : shadowed.has(rule) ? 'shadow' : 'no match'
    return { name: rule.name, place: placeOf(rule), outcome, steps: explainedSteps }
  })
  const place = decision.rule && policy.ordered.indexOf(decision.rule)
  // Without a rule all were gone through, unless the request was refused before any was asked for.
  const reached = place === undefined ? (decision.reason === 'default_denied' ? policy.ordered.length : 0) : place + 1
  const seen = new Set(tried.map(({ rule }) => rule))
  const effects = effectsOf(explained, connection)
  return {
    config: loaded.document.file,
    request: requestOf(explained),
    caller: callerOf(answer, tried, explained.source, secrets),
    ...verdictOf(decision, effects.variables['location']?.toString(), secrets),
    place: decision.rule && placeOf(decision.rule),
    tried: rules,
    skipped: policy.ordered
      .slice(0, reached)
      .filter((rule) => !seen.has(rule))
      .map((rule) => ({
        name: rule.name,
        place: placeOf(rule),
        misfits: secrets.cleanAll(misfits(rule, request)),
      })),
    notReached: policy.ordered.slice(reached).map(({ name }) => name),
    ...effects,
    shadows: shadows.map(({ rule, decision: would }) => ({
      rule: rule.name,
      decision: would.allow ? 'allow' : 'deny',
      status: would.status,
      reason: would.reason,
    })),
    cost: costOf(explained),
    notes,
  }
}

function verdictOf(
  { allow, status, reason, rule, route, location }: Decision,
  shownLocation: string | undefined,
  secrets: Secrets,
): Pick<Explanation, 'decision' | 'status' | 'reason' | 'hint' | 'doc' | 'rule' | 'route' | 'location'> {
  return {
    decision: allow ? 'allow' : 'deny',
    status,
    reason,
    ...helpOf(reason),
    rule: rule?.name,
    route: allow ? route : undefined,
    location: location && secrets.clean(shownLocation ?? location),
  }
}

function helpOf(reason: string): Pick<Explanation, 'hint' | 'doc'> {
  if (reason === 'fail_open') {
    const hint = 'The provider is away, and the rule lets callers in unproven then (failOpen).'
    return { hint, doc: 'docs/identity/README.md#who-may-call' }
  }
  if (!(reason in reasons)) return { hint: undefined, doc: undefined }
  const { hint, doc } = reasons[reason as DenyReason]
  return { hint, doc: `docs/${doc}` }
}

function requestOf({ asked, answer, secrets }: Explained): Explanation['request'] {
  const { request } = answer
  const { tls, tlsVersion, sni, alpn, certificate } = asked
  return {
    id: secrets.clean(request.id),
    method: secrets.clean(request.method),
    path: secrets.clean(asked.path),
    query: secrets.clean(shownQuery(asked.query, secrets)),
    host: secrets.clean(asked.host),
    canonicalHost: secrets.clean(request.host),
    canonicalPath: secrets.clean(request.path),
    source: request.source,
    tls,
    tlsVersion,
    sni: secrets.clean(sni),
    alpn,
    headers: asked.headers.map(([name, value]) => [secrets.clean(name), secrets.valueOf(name, value)] as const),
    certificate: certificate && certificateDigest(certificate),
    at: request.time.toISOString(),
  }
}

/** Without the values of parameters that hold credentials. */
function shownQuery(query: string, secrets: Secrets): string {
  const parts = query.split('&').map((part) => {
    const equals = part.indexOf('=')
    if (equals === -1) return part
    const name = part.slice(0, equals)
    return `${name}=${secrets.valueOf(name, part.slice(equals + 1))}`
  })
  return parts.join('&')
}
