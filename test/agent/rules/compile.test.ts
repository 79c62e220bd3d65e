import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../agent/config/problem.ts'
import { Deciding } from './deciding.ts'

/** Problems as `line:column code message`, the first line being that of the first rule. */
function problems(rules: string): string[] {
  try {
    new Deciding(rules)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ line, column, code, message }) => `${line - HEAD}:${column} ${code} ${message}`)
  }
  return []
}

/** Lines before the first rule. */
const HEAD = 9

describe('rules for connections', () => {
  const on = (rest: string): string[] => problems(`  - { name: c, on: connection, ${rest} }\n`)

  it.each([
    ['match: { method: GET }', 'method'],
    ['match: { host: a.example.com }', 'host'],
    ['match: { path: /a }', 'path'],
    ['match: { pathRegex: a }', 'pathRegex'],
    ['match: { header: { x: a } }', 'header'],
    ['match: { query: { x: a } }', 'query'],
  ])('do not match what only requests have: %s', (match, key) => {
    expect(on(`${match}, identity: none`)).toEqual([
      expect.stringContaining(`CONFIG_CONFLICT rule "c" is for connections, which have no ${key} yet`),
    ])
  })

  it.each(['path == "/"', 'method == "GET"', 'query == ""', 'host == ""', 'headers["x"] == ""', 'params.x == ""'])(
    'do not read request.%s, which would be empty always',
    (expression) => {
      expect(on(`match: { when: 'request.${expression}' }, deny: 403`)).toEqual([
        expect.stringContaining('CONFIG_CONFLICT the expression reads "request", but the rule is for connections'),
      ])
      expect(on(`match: { when: '"x" in request.headers' }, deny: 403`)).toHaveLength(1)
    },
  )

  it('read their id and time, the connection and verdicts', () => {
    const when = 'request.time.getHours() > 1 && request.id != "" && connection.tls && !verdict.block'
    expect(
      on(`match: { when: '${when}', source: 10.0.0.0/8, tls: true, time: { days: [mon] } }, identity: none`),
    ).toEqual([])
  })

  it('redirect nobody', () => {
    expect(on(`redirect: { to: '"/x"' }`)).toEqual([expect.stringContaining('which cannot be redirected')])
    expect(on(`identity: { require: mesh, redirect: '"/x"' }`)).toEqual([
      expect.stringContaining('which cannot be redirected'),
    ])
  })

  it('ask for certificates, which are all that a connection can show', () => {
    expect(on('identity: { require: mesh }')).toEqual([])
    expect(on('identity: { require: corp }')).toEqual([
      expect.stringContaining('"corp" proves callers by what requests carry, and connections have none yet'),
    ])
  })

  it('need no host for requests to be told apart', () => {
    expect(new Deciding('  - { name: c, on: connection, identity: none }\n').rules.tellsHostsApart).toBe(false)
    expect(
      new Deciding('  - { name: r, match: { when: \'request.host == "a"\' }, identity: none }\n').rules.tellsHostsApart,
    ).toBe(true)
  })
})

describe('rules that contradict themselves', () => {
  it.each([
    [`redirect: { to: '"/x"' }, deny: 403`, 'rule "c" denies, so nobody is redirected'],
    [`redirect: { to: '"/x"' }, route: app`, 'rule "c" redirects, so its route is never taken'],
    [`deny: 403, routeBy: { value: verdict.route, among: [a] }`, 'rule "c" denies, so its route is never taken'],
    [`deny: 403, limit: { key: request.id, rate: 1/1s }`, 'rule "c" denies, so there is nothing to limit'],
    [
      `identity: none, limit: { key: identity.subject, rate: 1/1s }`,
      'the expression reads "identity", but the rule asks for none',
    ],
    [
      `identity: none, routeBy: { value: identity.tenant, among: [a] }`,
      'the expression reads "identity", but the rule asks for none',
    ],
    [
      `identity: { require: corp, redirect: identity.issuer }`,
      'the expression reads "identity", but it is for callers that are not known',
    ],
    [
      `identity: { require: { all: [mesh, corp] }, failOpen: true }`,
      '"all" goes with neither "optional" nor "failOpen"',
    ],
    [`identity: none, set: { location: request.path }`, '"location" is a variable that the agent sets itself'],
    [
      `identity: none, set: { limit_remaining: request.path }`,
      '"limit_remaining" is a variable that the agent sets itself',
    ],
  ])('are refused: %s', (rest, message) => {
    expect(problems(`  - { name: c, ${rest} }\n`)).toEqual([expect.stringContaining(`CONFIG_CONFLICT ${message}`)])
  })

  it('are refused where a redirect, a key or a route gives no text', () => {
    expect(problems(`  - { name: c, redirect: { to: "1" } }\n`)).toEqual([expect.stringContaining('1:33 CONFIG_CEL')])
    expect(problems(`  - { name: c, identity: none, limit: { key: "true", rate: 1/1s } }\n`)).toEqual([
      expect.stringContaining('CONFIG_CEL'),
    ])
  })
})

describe('captures', () => {
  const read = (match: string, name: string): string[] =>
    problems(`  - { name: c, match: ${match}, identity: none, set: { v: captures.${name} } }\n`)

  it('can be read when every path gives them', () => {
    expect(read('{ path: ["/a/{id}", "/b/{id}/{x}"] }', 'id')).toEqual([])
    expect(read('{ path: ["/a/{id}", "/b/{id}/{x}"] }', 'x')).toEqual([
      expect.stringContaining('the paths of the rule do not all capture "x"'),
    ])
    expect(read('{ path: "/a/{id}", pathRegex: "(?P<kind>[a-z])$" }', 'kind')).toEqual([])
    expect(read('{ path: /a }', 'id')).toEqual([expect.stringContaining('captures nothing')])
  })
})

describe('what rules read', () => {
  it('is what spoe.conf has to send', () => {
    const { headers, connection } = new Deciding(
      `  - { name: a, match: { header: { X-A: a }, tls: { minVersion: TLSv1.2, sni: a.example.com } }, identity: none }
  - { name: b, match: { when: 'connection.alpn == "h2" && "x-b" in request.headers' }, identity: none, set: { c: 'request.headers["X-C"]' } }
  - { name: d, redirect: { to: 'request.headers["x-d"]' } }
  - { name: e, identity: none, limit: { key: 'request.headers["x-e"]', rate: 1/1s }, routeBy: { value: 'request.headers["x-f"]', among: [a] } }
  - { name: g, identity: none, workflow: { start: w, idempotencyKey: 'request.headers["x-g"]', data: { h: 'request.headers["x-h"]' } } }
  - { name: i, identity: { require: corp, redirect: 'request.headers["x-i"]' } }
`,
    ).rules.needs
    expect([...headers].toSorted()).toEqual(['x-a', 'x-b', 'x-c', 'x-d', 'x-e', 'x-f', 'x-g', 'x-h', 'x-i'])
    expect([...connection].toSorted()).toEqual(['alpn', 'sni', 'tlsVersion'])
  })

  it('is a verdict wherever one of its expressions says so', () => {
    const { rules } = new Deciding(
      `  - { name: a, identity: none, set: { r: verdict.reason } }
  - { name: b, identity: none, set: { r: request.path } }
  - { name: c, identity: none, workflow: { start: w, data: { r: verdict.reason } } }
  - { name: d, identity: none, limit: { key: verdict.reason, rate: 1/1s } }
`,
    ).rules
    expect(rules.map(({ readsVerdict }) => readsVerdict)).toEqual([true, false, true, true])
  })
})

it('rules that ask the same of their callers share one requirement', () => {
  const { rules } = new Deciding(
    '  - { name: a, identity: { require: corp } }\n  - { name: b, identity: { require: [corp], scopes: [x] } }\n' +
      '  - { name: c, identity: { require: other } }\n',
  ).rules
  const [a, b, c] = rules.map(({ caller }) => caller?.requirement)
  expect(a).toBe(b)
  expect(a).not.toBe(c)
})

it('limits are known by rule, place and key, and by nothing else', () => {
  const { limiterIds } = new Deciding(
    '  - { name: a, identity: none, limit: [{ key: request.path, rate: 1/1s }, { key: connection.source, rate: 1/1s }] }\n',
  ).rules
  expect(limiterIds).toEqual(['a/0/request.path', 'a/1/connection.source'])
})
