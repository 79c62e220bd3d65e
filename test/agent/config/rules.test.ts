import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import { ConfigError, type Problem } from '../../../agent/config/problem.ts'
import { compileRules } from '../../../agent/rules/compile.ts'

const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
rules:
`

/** Problems of the schema and of the rules, with lines counted from the first rule. */
function problems(rules: string): string[] {
  const told = (found: readonly Problem[]): string[] =>
    found.map(({ line, column, code, message }) => `${line - 4}:${column} ${code} ${message}`)
  try {
    const { config, document } = parseConfig('agent.yaml', HEAD + rules, {})
    compileRules(config, document)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return told(error.problems)
    throw error
  }
}

describe('a group of rules', () => {
  it('gives its rules their host, and they stand where it stands', () => {
    const { config } = parseConfig(
      'agent.yaml',
      `${HEAD}  - { name: a, identity: none }
  - host: [api.example.com, "*.api.example.com"]
    rules:
      - { name: b, identity: none }
      - { name: c, match: { path: /c }, identity: none }
  - { name: d, identity: none }
`,
      {},
    )
    expect(config.rules.map(({ name, match, at }) => [name, match.host, at])).toEqual([
      ['a', undefined, ['rules', 0]],
      ['b', ['api.example.com', '*.api.example.com'], ['rules', 1, 'rules', 0]],
      ['c', ['api.example.com', '*.api.example.com'], ['rules', 1, 'rules', 1]],
      ['d', undefined, ['rules', 2]],
    ])
  })

  it('tells problems of its rules at their places', () => {
    expect(
      problems(`  - host: api.example.com
    rules:
      - { name: a, identity: none, mach: {} }
      - { name: b, match: { path: orders }, identity: none }
      - { name: c, deny: 402 }
`),
    ).toEqual([
      expect.stringMatching(/^3:36 CONFIG_UNKNOWN_KEY unknown key "mach"/),
      expect.stringMatching(/^4:35 CONFIG_INVALID path: expected a path that begins with "\/"/),
      expect.stringMatching(/^5:26 CONFIG_INVALID deny: expected one of the statuses/),
    ])
  })

  it('tells problems of expressions at their places', () => {
    expect(
      problems(`  - { name: z, identity: none }
  - host: api.example.com
    rules:
      - { name: a, match: { when: 'request.pth == "x"' }, identity: none }
      - { name: a, identity: none, set: { v: captures.id } }
      - { name: b }
`),
    ).toEqual([
      expect.stringMatching(/^4:44 CONFIG_CEL/),
      expect.stringMatching(/^5:17 CONFIG_REFERENCE two rules are called "a"/),
      expect.stringMatching(/^5:\d+ CONFIG_CEL the path of the rule captures nothing/),
      expect.stringMatching(/^6:\d+ CONFIG_IDENTITY_UNSTATED rule "b"/),
    ])
  })

  it('has a host for all, which none of its rules has besides', () => {
    expect(
      problems(`  - host: api.example.com
    rules:
      - { name: a, match: { host: b.example.com }, identity: none }
`),
    ).toEqual([expect.stringMatching(/^3:35 CONFIG_CONFLICT the group has a "host" for all its rules/)])
  })

  it('is no rule itself, and neither empty nor without a host', () => {
    expect(problems('  - { host: a.example.com, rules: [] }\n')).toHaveLength(1)
    expect(problems('  - { rules: [{ name: a, identity: none }] }\n')).toHaveLength(1)
    expect(problems('  - { name: g, host: a.example.com, rules: [{ name: a, identity: none }] }\n')).not.toEqual([])
  })

  it('takes no rules for connections, which have no host', () => {
    expect(
      problems(`  - host: api.example.com
    rules:
      - { name: a, on: connection, identity: none }
`),
    ).toEqual([expect.stringMatching(/^3:\d+ CONFIG_CONFLICT rule "a" is for connections, which have no host yet/)])
  })
})

describe('a rule', () => {
  const rule = (rest: string): string[] => problems(`  - { name: a, ${rest} }\n`)

  it.each(['x_a', 'x.a', "x'a", ''])(
    'matches no header called "%s", which spoe.conf could not tell from another',
    (name) => {
      expect(rule(`match: { header: { "${name}": b } }, identity: none`)).toHaveLength(1)
    },
  )

  it('says what of TLS it means', () => {
    expect(rule('match: { tls: {} }, identity: none')).toEqual([expect.stringContaining('CONFIG_')])
    expect(rule('match: { tls: { sni: a.example.com } }, identity: none')).toEqual([])
  })

  it.each([
    ['limit: []', 'limit'],
    ['limit: { key: request.path, rate: 1/1s, burst: 2, algorithm: sliding-window }', 'burst'],
    ['limit: { key: request.path, rate: fast }', 'rate'],
    ['redirect: { to: "x", status: 301 }', 'status'],
    ['message: "a\\nb"', 'message'],
    ['routeBy: { value: verdict.route, among: [] }', 'among'],
    ['routeBy: { value: verdict.route, among: ["a b"] }', 'among'],
    ['workflow: { start: w, sample: 0 }', 'sample'],
    ['workflow: { start: w, sample: 1.1 }', 'sample'],
    ['workflow: { start: w, key: request.path }', 'key'],
    ['workflow: { signal: w }', 'key'],
    ['mode: dark', 'mode'],
    ['on: response', 'on'],
  ])('is refused with %s', (rest, key) => {
    expect(rule(`identity: none, ${rest}`)).toEqual([expect.stringContaining(key)])
  })
})
