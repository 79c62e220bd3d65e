import type { AgentConfig } from '../../config/schema.ts'
import type { Decision } from '../../rules/decision.ts'
import { fieldsRead } from '../expression-values.ts'
import type { Tried } from '../steps.ts'
import { refusalOf } from './recorded-authenticator.ts'
import type { Fact, RecordedRequest } from './recorded.ts'

/** Facts that conditions look at, by the first word of their label. */
const BY_LABEL: Readonly<Record<string, Fact>> = {
  header: 'request.headers',
  query: 'request.query',
  source: 'connection.source',
  time: 'request.time',
  tls: 'connection.tls',
  'tls minVersion': 'connection.tlsVersion',
  'tls sni': 'connection.sni',
}

/** Tells which facts a decision rests on that a record does not have. */
export class MissingFacts {
  readonly #config: AgentConfig
  readonly #tellsHostsApart: boolean
  /** Of the `when` of each rule. */
  readonly #read = new Map<number, readonly Fact[]>()

  constructor(config: AgentConfig, tellsHostsApart: boolean) {
    this.#config = config
    this.#tellsHostsApart = tellsHostsApart
  }

  of(record: RecordedRequest, tried: readonly Tried[], decision: Decision): Fact[] {
    const { unknown } = record
    if (unknown.size === 0) return []
    const missing = new Set<Fact>()
    const look = (fact: Fact): void => {
      if (unknown.has(fact)) missing.add(fact)
    }
    look('request.path')
    if (this.#tellsHostsApart) look('request.host')
    for (const { rule, steps } of tried) {
      for (const { what } of steps) {
        if (what === 'when') for (const fact of this.#factsOf(rule.index)) look(fact)
        else if (what === 'identity') this.#lookAtCaller(record, look)
        else look(BY_LABEL[what] ?? BY_LABEL[what.split(' ', 1)[0] ?? ''] ?? 'request.path')
      }
      if (rule === decision.rule && rule.scopes.length > 0) look('identity.scopes')
    }
    return [...missing]
  }

  #lookAtCaller({ outcome, caller }: RecordedRequest, look: (fact: Fact) => void): void {
    // A refusal that was noted is as good as a caller.
    if (caller === undefined && refusalOf(outcome?.reason) === undefined) look('identity')
    if (caller !== undefined) look('identity.provider')
  }

  #factsOf(index: number): readonly Fact[] {
    let facts = this.#read.get(index)
    if (facts === undefined) {
      facts = fieldsRead(this.#config.rules[index]?.match.when ?? '').map(factOf)
      this.#read.set(index, facts)
    }
    return facts
  }
}

/** The fact that a field of an expression belongs to. */
function factOf(field: string): Fact {
  const [root = '', member = ''] = field.split(/[.[]/)
  if (root === 'verdict') return 'verdict'
  if (root === 'captures') return 'request.path'
  if (root === 'connection') return `connection.${member}` as Fact
  if (root === 'identity') return `identity.${member}` as Fact
  if (member === 'params') return 'request.query'
  if (member === 'source') return 'connection.source'
  return `request.${member}` as Fact
}
