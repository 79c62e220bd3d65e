import { parseConfig } from '../agent/config/load.ts'
import { createAuthenticator } from '../agent/identity/authenticator.ts'
import { compileRules } from '../agent/rules/compile.ts'
import type { RuleSet } from '../agent/rules/rule-set.ts'
import { type Asked, decider } from './deciding.ts'
import { type Benchmark, type Case, cpuMicros } from './harness.ts'

const CALLS = 20_000
const FEW = 5
const MANY = 5_000
/** Different requests, spread over all rules. */
const REQUESTS = 1_009

/**
 * APIs as companies have them: hosts with some paths each, a prefix, a segment in the middle that is a name, and a
 * condition on every third.
 */
function apis(count: number): string {
  const rules = Array.from({ length: count }, (_, i) => {
    const path = [`/api-${i}/**`, `/v1/tenants/{tenant}/service-${i}`, `/files-${i}/*/content`][i % 3]
    const when = i % 3 === 1 ? `, when: 'captures.tenant != "team-${i % 10}" && connection.tls'` : ''
    return `  - { name: r${i}, match: { host: api-${i % 50}.example.com, method: [GET, POST], path: "${path}"${when} }, identity: none }`
  })
  return rules.join('\n')
}

function requestFor(i: number): Asked {
  const path = [`/api-${i}/orders/7`, `/v1/tenants/acme/service-${i}`, `/files-${i}/report/content`][i % 3] ?? ''
  return { path, host: `api-${i % 50}.example.com` }
}

function compiled(rules: string): RuleSet {
  const head = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
rules:
`
  const { config, document } = parseConfig('agent.yaml', head + rules, {})
  return compileRules(config, document)
}

/** Whether a decision depends on how many rules there are. */
export const rules: Benchmark = {
  name: 'rules',
  description: 'CPU of one decision with 5 and with 5,000 rules, beside looking at 5,000 rules in turn',
  rounds: 9,
  async prepare() {
    const log = { info() {}, warn() {}, error: console.error }
    const authenticator = createAuthenticator([], { log })
    const many = compiled(apis(MANY))
    const casesOf = (label: string, ruleSet: RuleSet, count: number): Case[] => {
      const decide = decider(ruleSet, authenticator)
      const requests = Array.from({ length: REQUESTS }, (_, i) => requestFor(Math.floor((i * count) / REQUESTS)))
      const [last] = [requestFor(count - 1)]
      return [
        {
          label: `${label}, requests for all of them`,
          unit: 'us',
          measure: () => cpuMicros(CALLS, (i) => decide(requests[i % REQUESTS] as Asked)),
        },
        { label: `${label}, the last one`, unit: 'us', measure: () => cpuMicros(CALLS, () => decide(last as Asked)) },
        {
          label: `${label}, none matches`,
          unit: 'us',
          measure: () => cpuMicros(CALLS, () => decide({ path: '/nothing/here', host: 'api-1.example.com' }, 'deny')),
        },
      ]
    }
    return {
      cases: [
        ...casesOf(`${FEW} rules`, compiled(apis(FEW)), FEW),
        ...casesOf('5,000 rules', many, MANY),
        {
          label: '5,000 rules in turn, no index',
          unit: 'us',
          measure: () =>
            cpuMicros(200, (i) => {
              if (firstMatch(many, requestFor((i * 25) % MANY)) === undefined) throw new Error('no rule found')
            }),
        },
      ],
      figures: (samples) => ({
        decision_us: samples.median('5,000 rules, requests for all of them'),
        extra_us_5000_vs_5:
          samples.median('5,000 rules, requests for all of them') - samples.median('5 rules, requests for all of them'),
        in_turn_vs_index: samples.ratio('5,000 rules in turn, no index', '5,000 rules, requests for all of them'),
      }),
    }
  },
}

/** What an index saves: method, host and path of each rule, one after the other. */
function firstMatch({ ordered }: RuleSet, { path, host = '' }: Asked): string | undefined {
  return ordered.find(
    ({ match }) =>
      match.methods?.has('GET') !== false &&
      match.hosts?.includes(host) !== false &&
      match.paths?.some((pattern) => pattern.matches(path)) !== false,
  )?.name
}
