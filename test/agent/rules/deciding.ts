import { parseConfig } from '../../../agent/config/load.ts'
import type { Evidence, HeaderField } from '../../../agent/identity/evidence.ts'
import type { AuthResult } from '../../../agent/identity/identity.ts'
import { Limiters } from '../../../agent/limits/limiters.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { decide, type Trace } from '../../../agent/rules/decide.ts'
import type { Decision } from '../../../agent/rules/decision.ts'
import { RequestView } from '../../../agent/rules/facts.ts'
import type { RuleSet } from '../../../agent/rules/rule-set.ts'
import { VerdictTable } from '../../../agent/verdicts/verdict-table.ts'
import { evidenceOf } from '../identity/support/evidence.ts'
import { authenticatorOf, HEAD, identityOf } from './support.ts'

const WITH_MESH = `${HEAD}    mesh: { kind: certificate, source: dns, allow: "**" }
`

/** What a request is; `fields` are header fields, several of one name as a list. */
export interface Asked extends Partial<Pick<Evidence, 'source' | 'tls' | 'tlsVersion' | 'sni' | 'alpn'>> {
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly query?: string
  readonly fields?: Readonly<Record<string, string | readonly string[]>>
  readonly at?: number
}

export const nobody: AuthResult = { ok: false, reason: 'no_credentials' }
export const away: AuthResult = { ok: false, reason: 'keys_unavailable' }
export const alice: AuthResult = { ok: true, identity: identityOf({ scopes: ['a'] }) }

/** Rules and what outlives them. */
export class Deciding {
  readonly rules: RuleSet
  readonly verdicts = new VerdictTable()
  readonly limiters = new Limiters()
  readonly shadows: [rule: string, decision: Decision][] = []
  trace: Trace | undefined

  constructor(yaml: string) {
    const { config, document } = parseConfig('agent.yaml', `${WITH_MESH}rules:\n${yaml}`, {})
    this.rules = compileRules(config, document, {
      limiters: this.limiters,
      verdicts: this.verdicts,
      onShadow: (rule, decision) => void this.shadows.push([rule.name, decision]),
    })
  }

  ask(asked: Asked, answer: AuthResult | Parameters<typeof authenticatorOf>[0] = nobody): Decision {
    const decision = this.later(asked, answer)
    if (decision instanceof Promise) throw new Error('decided asynchronously')
    return decision
  }

  later(asked: Asked, answer: Parameters<typeof authenticatorOf>[0]): Decision | Promise<Decision> {
    const { evidence, request } = questionOf(asked)
    return decide(this.rules, authenticatorOf(answer), request, evidence, this.trace)
  }

  connect(asked: Asked, answer: AuthResult = nobody): Decision | Promise<Decision> {
    const { evidence } = questionOf(asked)
    const request = new RequestView('id', '', '', '', '', evidence.source, evidence.tls)
    return decide(this.rules.connections, authenticatorOf(answer), request, evidence)
  }
}

function questionOf({ method = 'GET', path = '/', host = '', query = '', fields = {}, at, ...client }: Asked) {
  const headers = new Map(
    Object.entries(fields).map(([name, value]): [string, HeaderField] => {
      const values = typeof value === 'string' ? [value] : value
      return [name, { value: values.at(-1) ?? '', count: values.length }]
    }),
  )
  const evidence = evidenceOf({ method, path, host, query, headers, ...client })
  const { requestId, source, tls } = evidence
  return { evidence, request: new RequestView(requestId, method, host, path, query, source, tls, headers, at) }
}
