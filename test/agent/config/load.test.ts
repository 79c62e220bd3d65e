import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig, parseConfig } from '../../../agent/config/load.ts'
import { providerConfigs } from '../../../agent/identity/provider-configs.ts'
import { ConfigError, type Problem, renderProblem } from '../../../agent/config/problem.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { compileRules } from '../../../agent/rules/compile.ts'

const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity: { providers: { corp: { issuer: "https://id.example.com", audience: [a] } } }
`

/** Everything wrong with a file, as it would be told. */
function problemsOf(text: string, env: Record<string, string> = {}): Problem[] {
  try {
    const { config, document } = parseConfig('agent.yaml', text, env)
    compileRules(config, document)
  } catch (error) {
    if (error instanceof ConfigError) return [...error.problems]
    throw error
  }
  return []
}

describe('spop.listen', () => {
  const listenOf = (listen: string): unknown =>
    parseConfig(
      'agent.yaml',
      HEAD.replace('{ listen: "tcp://127.0.0.1:9000" }', `{ listen: ${listen} }`) + 'rules: []',
      {},
    ).config.spop.listen

  it('takes an address, a list, and what an address needs besides', () => {
    expect(listenOf('unix:///run/a.sock')).toEqual([{ address: 'unix:///run/a.sock' }])
    const rich =
      '[systemd:spop, { address: "unix:///run/a.sock", mode: "0660" }, { address: "tcp://[::]:1", allow: [10.0.0.0/8] }]'
    expect(listenOf(rich)).toEqual([
      { address: 'systemd:spop' },
      { address: 'unix:///run/a.sock', mode: 0o660 },
      { address: 'tcp://[::]:1', allow: ['10.0.0.0/8'] },
    ])
  })

  it.each([
    ['{ address: "unix:///a", mode: 0660 }', 'in quotes'],
    ['{ address: "unix:///a", mode: "9" }', 'in quotes'],
    ['{ address: "unix:///a", allow: [10.0.0.1] }', 'is for TCP'],
    ['{ address: "tcp://a:1", mode: "0600" }', 'is for UNIX sockets'],
    ['{ address: "tcp://a:1", allow: [10.0.0.0/40] }', 'a network'],
    ['{ address: "tcp://a:1", tls: { certFile: a } }', '"keyFile" is missing'],
    ['{ address: "http://a:1" }', 'expected an address'],
    ['{ addres: "tcp://a:1" }', 'Did you mean "address"'],
    ['[]', ''],
  ])('refuses %s', (listen, message) => {
    const text = HEAD.replace('{ listen: "tcp://127.0.0.1:9000" }', `{ listen: ${listen} }`)
    const problems = problemsOf(`${text}rules: []`)
    expect(problems[0]).toMatchObject({ line: 2 })
    expect(problems.map((p) => `${p.message} ${p.hint}`).join()).toContain(message)
  })
})

describe('a configuration', () => {
  it('is accepted as it is shipped', () => {
    const { config, document } = loadConfig(join(ROOT, 'agent.yaml'), { OIDC_ISSUER: 'https://id.example.com' })
    const spop = { deadline: 40, drain: 3000, scheduling: 'normal', maxFrameSize: 65_536 }
    expect(config.spop).toEqual({ listen: [{ address: 'tcp://127.0.0.1:9000' }], ...spop })
    expect(compileRules(config, document).rules.map((rule) => rule.name)).toEqual([
      'health',
      'public',
      'create-order',
      'order-inquiry',
      'admin-only',
      'admin',
      'api',
    ])
  })

  it('has paths relative to its own folder, and absolute once loaded', () => {
    const { config } = loadConfig(join(ROOT, 'agent.yaml'), {
      OIDC_ISSUER: 'https://id.example.com',
      OUTBOX_PATH: 'x/y.db',
    })
    expect(config.outbox.path).toBe(join(ROOT, 'x/y.db'))
  })

  it('that cannot be read is told, not thrown as a stack', () => {
    expect(() => loadConfig('/nowhere/agent.yaml')).toThrow(ConfigError)
  })

  it('has defaults for all that has a safe one', () => {
    const { config } = parseConfig('agent.yaml', `${HEAD}rules: []\n`, {})
    expect(config.default).toEqual({ deny: 403 })
    expect(config.outbox).toEqual({
      path: '.data/outbox.db',
      maxRows: 1_000_000,
      maxDeadLetters: 100_000,
      maxBytes: 1024 ** 3,
      retain: 0,
      drain: 5000,
    })
    expect(config.queue).toEqual({ maxEvents: 100_000, maxBytes: 64 * 1024 ** 2 })
    expect(providerConfigs(config)).toMatchObject([
      {
        name: 'corp',
        clockSkewS: 60,
        required: true,
        claims: { subject: ['sub'], tenant: ['tenant'], roles: ['roles'] },
      },
    ])
  })

  it('keeps a number a number when it comes from the environment', () => {
    const { config } = parseConfig(
      'agent.yaml',
      `${HEAD}rules: []\nqueue: { maxEvents: "\${MAX}" }\noutbox:\n  maxRows: \${MAX}\n`,
      { MAX: '7' },
    )
    expect(config.queue.maxEvents).toBe(7)
    expect(config.outbox.maxRows).toBe(7)
  })
})

/** What is wrong, and the code, line and column that the user must be shown, and what the message or hint must say. */
const WRONG: [name: string, rules: string, expected: [code: string, line: number, column: number, text: string]][] = [
  [
    'a key that does not exist',
    'rules: []\nadmn: { listen: x }',
    ['CONFIG_UNKNOWN_KEY', 6, 1, 'Did you mean "admin"?'],
  ],
  [
    'a nested key that does not exist',
    'rules:\n  - { name: a, identity: none, mach: {} }',
    ['CONFIG_UNKNOWN_KEY', 6, 32, 'Did you mean "match"?'],
  ],
  ['a key that resembles none', 'rules: []\nzzzzzz: 1', ['CONFIG_UNKNOWN_KEY', 6, 1, 'Known here: version, spop']],
  [
    'an unquoted reference inside braces',
    'rules: []\nqueue: { maxEvents: ${MAX} }',
    ['CONFIG_SYNTAX', 6, 21, 'has to be quoted: "${NAME}"'],
  ],
  ['a missing key', 'rules:\n  - { identity: none }', ['CONFIG_MISSING', 6, 5, '"name" is missing in rules[0]']],
  ['a duplicate key', 'rules: []\nrules: []', ['CONFIG_SYNTAX', 6, 1, 'unique']],
  [
    'a rule that does not say who may call',
    'rules:\n  - { name: a }',
    ['CONFIG_IDENTITY_UNSTATED', 6, 5, 'identity: none'],
  ],
  [
    'an identity that is neither none nor a requirement',
    'rules:\n  - { name: a, identity: nobody }',
    ['CONFIG_INVALID', 6, 26, 'expected "none" or { require'],
  ],
  [
    'a provider that nobody declared',
    'rules:\n  - { name: a, identity: { require: crop } }',
    ['CONFIG_REFERENCE', 6, 37, 'Did you mean "corp"?'],
  ],
  [
    'two rules of one name',
    'rules:\n  - { name: a, identity: none }\n  - { name: a, identity: none }',
    ['CONFIG_REFERENCE', 7, 13, 'two rules are called "a"'],
  ],
  [
    'a rule name with a slash',
    'rules:\n  - { name: a/b, identity: none }',
    ['CONFIG_INVALID', 6, 13, 'expected a name'],
  ],
  [
    'a path without its slash',
    'rules:\n  - { name: a, identity: none, match: { path: x } }',
    ['CONFIG_INVALID', 6, 47, 'begins with "/"'],
  ],
  [
    'a star inside a segment',
    'rules:\n  - { name: a, identity: none, match: { path: /a*b } }',
    ['CONFIG_INVALID', 6, 47, 'one whole segment'],
  ],
  [
    'a pattern that no canonical path can match',
    'rules:\n  - { name: a, identity: none, match: { path: /a//b } }',
    ['CONFIG_INVALID', 6, 47, 'can never match'],
  ],
  [
    'a method in small letters',
    'rules:\n  - { name: a, identity: none, match: { method: get } }',
    ['CONFIG_INVALID', 6, 49, 'in capitals'],
  ],
  [
    'an expression that is no CEL',
    'rules:\n  - name: a\n    identity: none\n    match: { when: "request.path ==" }',
    ['CONFIG_CEL', 8, 36, 'Unexpected token'],
  ],
  [
    'a field that requests do not have',
    'rules:\n  - name: a\n    identity: none\n    match: { when: \'request.methd == "GET"\' }',
    ['CONFIG_CEL', 8, 29, 'Did you mean "method"?'],
  ],
  [
    'a condition that is no condition',
    'rules:\n  - name: a\n    identity: none\n    match: { when: request.path }',
    ['CONFIG_CEL', 8, 20, 'gives string where bool is needed'],
  ],
  [
    'an identity read by a rule that asks for none',
    'rules:\n  - name: a\n    identity: none\n    match: { when: identity.tenant == "x" }',
    ['CONFIG_CONFLICT', 8, 20, 'asks for none'],
  ],
  [
    'a status that HAProxy is not set up for',
    'rules:\n  - { name: a, deny: 418 }',
    ['CONFIG_INVALID', 6, 22, 'expected one of the statuses 400, 401'],
  ],
  [
    'a route on a rule that denies',
    'rules:\n  - { name: a, deny: 403, route: x }',
    ['CONFIG_CONFLICT', 6, 34, 'never taken'],
  ],
  [
    "a variable that is the agent's own",
    'rules:\n  - { name: a, identity: none, set: { decision: "1" } }',
    ['CONFIG_CONFLICT', 6, 49, 'sets itself'],
  ],
  [
    'a variable name in capitals',
    'rules:\n  - { name: a, identity: none, set: { Plan: "1" } }',
    ['CONFIG_INVALID', 6, 39, 'expected a variable name'],
  ],
  [
    'two workflow actions at once',
    'rules:\n  - { name: a, identity: none, workflow: { start: x, meter: y, key: request.host } }',
    ['CONFIG_CONFLICT', 6, 42, 'exactly one of'],
  ],
  [
    'a meter without a key',
    'rules:\n  - { name: a, identity: none, workflow: { meter: y } }',
    ['CONFIG_MISSING', 6, 42, 'needs a "key"'],
  ],
  [
    'a start with a key',
    'rules:\n  - { name: a, identity: none, workflow: { start: y, key: request.host } }',
    ['CONFIG_CONFLICT', 6, 54, 'takes no "key"'],
  ],
  [
    'a key that is no string',
    'rules:\n  - { name: a, identity: none, workflow: { meter: y, key: connection.tls } }',
    ['CONFIG_CEL', 6, 59, 'gives bool where string'],
  ],
  [
    'a delivery class that does not exist',
    'rules:\n  - { name: a, identity: none, workflow: { start: y, delivery: durabel } }',
    ['CONFIG_INVALID', 6, 64, 'Did you mean "durable"?'],
  ],
  [
    'an unset environment variable',
    'rules: []\nlog: { level: "${LEVEL}" }',
    ['CONFIG_ENV_UNSET', 6, 16, 'LEVEL is not set'],
  ],
  [
    'an environment reference without a name',
    'rules: []\nlog: { level: "${}" }',
    ['CONFIG_ENV_SYNTAX', 6, 16, '"${" without a name'],
  ],
  [
    'a duration without a unit',
    'rules: []\nadmin: { listen: "tcp://127.0.0.1:1" }\noutbox: { maxRows: 0 }',
    ['CONFIG_INVALID', 7, 20, 'maxRows'],
  ],
  [
    'a host with a port',
    'rules:\n  - { name: a, identity: none, match: { host: "a:80" } }',
    ['CONFIG_INVALID', 6, 47, 'without scheme and port'],
  ],
  [
    'a host that is only a star',
    'rules:\n  - { name: a, identity: none, match: { host: "*" } }',
    ['CONFIG_INVALID', 6, 47, 'expected a host name'],
  ],
  [
    'a path that browsers write otherwise',
    'rules:\n  - { name: a, identity: none, match: { path: /ä } }',
    ['CONFIG_INVALID', 6, 47, 'write it /%C3%A4'],
  ],
  [
    'a port that does not exist',
    'rules: []\nadmin: { listen: "tcp://127.0.0.1:99999" }',
    ['CONFIG_ADDRESS', 6, 18, 'up to 65535'],
  ],
  [
    'nested loops over claims',
    'rules:\n  - name: a\n    identity: { require: corp }\n    match: { when: "identity.claims.x.exists(a, identity.claims.x.exists(b, a == b))" }',
    ['CONFIG_CEL', 8, 49, 'a loop inside a loop'],
  ],
  [
    'an address without a scheme',
    'rules: []\nadmin: { listen: "127.0.0.1:1" }',
    ['CONFIG_ADDRESS', 6, 18, 'expected an address such as tcp://'],
  ],
]

describe('credentials of our own', () => {
  const temporal = (text: string): string =>
    `${HEAD.replace('temporal: { address: "127.0.0.1:7233" }', text)}rules: []\n`

  it('an API key is only ever sent over TLS', () => {
    const { config } = parseConfig('agent.yaml', temporal('temporal: { address: "a:1", apiKey: k }'), {})
    expect(config.temporal.tls).toBe(true)
    expect(parseConfig('agent.yaml', temporal('temporal: { address: "a:1" }'), {}).config.temporal.tls).toBe(false)
    expect(problemsOf(temporal('temporal: { address: "a:1", apiKey: k, tls: false }'))).toMatchObject([
      { code: 'CONFIG_CONFLICT', message: expect.stringContaining('clear text') },
    ])
  })

  it('a client certificate comes with its key', () => {
    expect(problemsOf(temporal('temporal: { address: "a:1", tls: { certFile: c.pem } }'))).toMatchObject([
      { message: expect.stringContaining('both "certFile" and "keyFile"') },
    ])
  })

  it('an issuer is reached over https, or on loopback', () => {
    expect(problemsOf(`${HEAD.replace('https://id', 'http://id')}rules: []\n`)).toMatchObject([
      { code: 'CONFIG_INVALID', message: expect.stringContaining('https, or http on loopback') },
    ])
  })
})

describe('an error in a configuration', () => {
  it.each(WRONG)('%s is told with its place and a way out', (_, rules, [code, line, column, text]) => {
    const problems = problemsOf(`${HEAD}${rules}\n`)
    expect(problems.map((p) => [p.code, p.line, p.column])).toContainEqual([code, line, column])
    const found = problems.find((p) => p.code === code && p.line === line)
    expect(`${found?.message}\n${found?.hint}`).toContain(text)
  })

  it('is told together with all others, in the order of the file', () => {
    const problems = problemsOf(
      'version: 2\nspop: { listen: 9000, deadline: 40 }\ntemporal: { address: x }\nrules: []\n',
    )
    expect(problems.map((p) => p.line)).toEqual([1, 2, 2, 3])
  })

  it('shows the line with carets under the place', () => {
    const [first] = problemsOf(
      `${HEAD}rules:\n\t- x`.replace('\t', '  ').replace('- x', '- { name: a, idenity: none }'),
    )
    expect(renderProblem(first as Problem)).toBe(
      [
        'agent.yaml:6:16: error CONFIG_UNKNOWN_KEY: unknown key "idenity" in rules[0]',
        '  6 |   - { name: a, idenity: none }',
        '    |                ^^^^^^^',
        '  hint: Did you mean "identity"?',
      ].join('\n'),
    )
  })

  it('never shows what an environment variable holds', () => {
    const problems = problemsOf(`${HEAD}rules: []\nlog: { level: "\${SECRET}" }\n`, { SECRET: 'hunter2' })
    expect(problems).toHaveLength(1)
    expect(problems.map(renderProblem).join('')).not.toContain('hunter2')
  })
})

it('every code of the table has a hint, and every hint ends as a sentence', async () => {
  const { ERRORS } = await import('../../../agent/errors.ts')
  for (const hint of Object.values(ERRORS)) expect(hint).toMatch(/[.:]$/)
  expect(readFileSync(join(ROOT, 'agent/errors.ts'), 'utf8')).toContain('as const')
})
