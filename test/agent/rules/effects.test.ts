import { describe, expect, it } from 'vitest'
import { compileRegex, MAX_STEPS } from '../../../agent/rules/regex.ts'
import { alice, away, Deciding, nobody } from './deciding.ts'

describe('a redirect', () => {
  const to = (expression: string): Deciding =>
    new Deciding(`  - { name: r, match: { path: ["/**"] }, redirect: { to: '${expression}', status: 307 } }\n`)

  it('refuses with its status and says where to go', () => {
    const rules = to('"https://www.example.com" + request.path')
    expect(rules.ask({ path: '/a%20b' })).toMatchObject({
      allow: false,
      status: 307,
      reason: 'redirected',
      location: 'https://www.example.com/a%20b',
    })
  })

  it.each([
    ['a line break', '/x?a%0d%0aSet-Cookie:b', '"/x" + request.params.a', 'a=%0d%0aSet-Cookie:b'],
    ['a trailing line break', '/', '"/x" + request.params.a', 'a=%0a'],
    ['a blank', '/', '"/x" + request.params.a', 'a=%20'],
    ['a character outside ASCII', '/', '"/x" + request.params.a', 'a=%C3%A9'],
    ['a NUL', '/', '"/x" + request.params.a', 'a=%00'],
    ['DEL', '/', '"/x" + request.params.a', 'a=%7f'],
    ['nothing', '/', 'request.params.a', 'a='],
    ['more than 2,048 characters', '/', '"/" + request.params.a', `a=${'x'.repeat(2048)}`],
    ['a parameter that is not there', '/', '"/" + request.params.b', 'a=1'],
    ['a parameter with two values', '/', '"/" + request.params.a', 'a=1&a=2'],
  ])('is a plain denial where its target has %s', (_, path, expression, query) => {
    expect(to(expression).ask({ path: path.split('?')[0] ?? '', query })).toMatchObject({
      allow: false,
      status: 403,
      reason: 'policy_error',
      location: undefined,
    })
  })

  it.each([
    'https:///evil.example/x',
    'HTTPS:///evil.example/x',
    'https:////evil.example/x',
    '///evil.example/x',
    '////evil.example/x',
    'https:evil.example',
    'http:/evil.example',
    '/\\evil.example/x',
    'https://\\evil.example',
    '//',
    'https://',
    'https://?x',
    'https://#x',
    '//?x',
  ])('does not lead to %s: browsers take what follows for the host', (target) => {
    const query = `to=${encodeURIComponent(target)}`
    const denied = { allow: false, status: 403, reason: 'policy_error', location: undefined }
    expect(to('request.params.to').ask({ query })).toMatchObject(denied)
    const login = new Deciding('  - { name: r, identity: { require: corp, redirect: request.params.to } }\n')
    expect(login.ask({ query }, nobody)).toMatchObject({ status: 401, reason: 'no_credentials', location: undefined })
  })

  it.each(['https://ok/x', 'https://ok', '//ok/x', '/relative', '/a//b', '/?to=https:///x', 'relative', '?page=2'])(
    'leads to %s',
    (target) => {
      const query = `to=${encodeURIComponent(target)}`
      expect(to('request.params.to').ask({ query })).toMatchObject({ reason: 'redirected', location: target })
      const login = new Deciding('  - { name: r, identity: { require: corp, redirect: request.params.to } }\n')
      expect(login.ask({ query }, nobody)).toMatchObject({ status: 302, location: target })
    },
  )

  it('of callers without a credential leads to the login, with 302, and only for reasons of 401', () => {
    const rules = new Deciding(
      `  - { name: r, identity: { require: corp, redirect: '"https://login.example.com/?back=" + urlEncode(request.path)' } }\n`,
    )
    expect(rules.ask({ path: '/a/b' }, nobody)).toMatchObject({
      allow: false,
      status: 302,
      reason: 'no_credentials',
      location: 'https://login.example.com/?back=%2Fa%2Fb',
    })
    expect(rules.ask({}, away)).toMatchObject({ status: 503, location: undefined })
    expect(rules.ask({}, { ok: false, reason: 'malformed_token' })).toMatchObject({ status: 400, location: undefined })
    expect(rules.ask({}, alice)).toMatchObject({ allow: true })
  })

  it('to the login that no field could carry leaves the 401', () => {
    const rules = new Deciding(
      `  - { name: r, identity: { require: corp, redirect: '"https://login.example.com/?back=" + request.params.back' } }\n`,
    )
    for (const query of ['back=%0aX', `back=${'x'.repeat(3000)}`, '']) {
      expect(rules.ask({ query }, nobody)).toMatchObject({ status: 401, reason: 'no_credentials', location: undefined })
    }
  })

  it('asks for the scopes first', () => {
    const rules = new Deciding(`  - { name: r, identity: { require: corp, scopes: [b] }, redirect: { to: '"/x"' } }\n`)
    expect(rules.ask({}, alice)).toMatchObject({ reason: 'insufficient_scope', location: undefined })
  })

  it('never fails open', () => {
    const rules = new Deciding(
      `  - { name: r, identity: { require: corp, failOpen: true }, redirect: { to: '"/x"' } }\n`,
    )
    expect(rules.ask({}, away)).toMatchObject({ allow: false, status: 503 })
  })
})

describe('a route that an expression chooses', () => {
  const by = (value: string, more = ''): Deciding =>
    new Deciding(
      `  - { name: r, identity: { require: corp${more} }, route: app, routeBy: { value: '${value}', among: [blue, green] } }\n`,
    )

  it('is one of those that the rule names, or else the fixed one', () => {
    const rules = by('request.params.to')
    expect(rules.ask({ query: 'to=blue' }, alice).route).toBe('blue')
    for (const query of ['to=admin', 'to=Blue', 'to=blue%20', 'to=', 'to=blue&to=green', '']) {
      expect(rules.ask({ query }, alice).route).toBe('app')
    }
  })

  it('is left to HAProxy where there is no fixed one', () => {
    const rules = new Deciding(
      "  - { name: r, identity: none, routeBy: { value: 'request.params.to', among: [blue] } }\n",
    )
    expect(rules.ask({ query: 'to=evil' })).toMatchObject({ allow: true, route: undefined })
  })

  it('comes from verdicts about the caller', () => {
    const rules = by('verdict.route')
    rules.verdicts.put({ scope: 'subject', provider: 'corp', key: 'alice', route: 'green', expiresAt: 4e12 })
    expect(rules.ask({}, alice).route).toBe('green')
  })

  it('of an unproven caller is not that of somebody', () => {
    const rules = by('verdict.route', ', failOpen: true')
    rules.verdicts.put({ scope: 'subject', provider: 'corp', key: 'alice', route: 'green', expiresAt: 4e12 })
    expect(rules.ask({}, away)).toMatchObject({ allow: true, reason: 'fail_open', route: 'app' })
    const claim = by('identity.claims.color', ', failOpen: true')
    expect(claim.ask({}, away)).toMatchObject({ allow: true, reason: 'fail_open', route: 'app' })
  })
})

describe('a verdict in a condition', () => {
  const rules = (identity: string): Deciding => {
    const made = new Deciding(
      `  - { name: blocked, match: { when: verdict.block }, ${identity}, deny: 403 }\n  - { name: rest, identity: none }\n`,
    )
    made.verdicts.put({ scope: 'subject', provider: 'corp', key: 'alice', block: true, expiresAt: 4e12 })
    made.verdicts.put({ scope: 'source', key: '192.0.2.66', block: true, expiresAt: 4e12 })
    return made
  }

  it('about a caller is asked of a proven one, and nobody gets round it by showing nothing', () => {
    const one = rules('identity: { require: corp }')
    expect(one.ask({}, alice)).toMatchObject({ allow: false, reason: 'policy_denied' })
    expect(one.ask({}, nobody)).toMatchObject({ allow: false, status: 401, rule: { name: 'blocked' } })
    expect(one.ask({}, away)).toMatchObject({ allow: false, status: 503, rule: { name: 'blocked' } })
  })

  it('about an address needs no caller', () => {
    const one = rules('identity: none')
    expect(one.ask({ source: '192.0.2.66' })).toMatchObject({ allow: false, rule: { name: 'blocked' } })
    expect(one.ask({})).toMatchObject({ allow: true, rule: { name: 'rest' } })
  })

  it('holds for the address of a proven caller too', () => {
    const one = rules('identity: { require: corp, optional: true }')
    expect(one.ask({ source: '192.0.2.66' }, nobody)).toMatchObject({ allow: false, reason: 'policy_denied' })
    expect(one.ask({}, nobody)).toMatchObject({ allow: true, rule: { name: 'rest' } })
  })

  it('keeps an allow from failing open', () => {
    const one = new Deciding(
      '  - { name: a, match: { when: "!verdict.block" }, identity: { require: corp, failOpen: true } }\n',
    )
    expect(one.ask({}, away)).toMatchObject({ allow: false, status: 503 })
  })
})

describe('captures', () => {
  const seen = (match: string, path: string): unknown => {
    const rules = new Deciding(`  - { name: r, match: ${match}, redirect: { to: '"/seen/" + captures.id' } }\n`)
    return rules.ask({ path }).location ?? rules.ask({ path }).reason
  }

  it('are parts of the canonical path, still percent-encoded where it is', () => {
    expect(seen('{ path: "/o/{id}" }', '/o/a%20b')).toBe('/seen/a%20b')
    expect(seen('{ path: "/o/{id...}" }', '/o/a/b')).toBe('/seen/a/b')
  })

  it('of several patterns come from the first that fits', () => {
    const match = '{ path: ["/o/{id}/x", "/{id}/7/x"] }'
    expect(seen(match, '/o/7/x')).toBe('/seen/7')
    expect(seen(match, '/p/7/x')).toBe('/seen/p')
  })

  it('of a regular expression are its named groups', () => {
    expect(seen('{ pathRegex: "^/v[0-9]+/(?P<id>[a-z]+)$" }', '/v2/items')).toBe('/seen/items')
    expect(seen('{ pathRegex: "^/v[0-9]+/(?P<id>[a-z]+)$" }', '/v2/Items')).toBe('default_denied')
  })

  it('cannot be had of a path too long for the regular expression, which denies', () => {
    expect(seen('{ pathRegex: "/(?P<id>[a-z]+)$" }', `/${'a'.repeat(1_000_000)}`)).toBe('policy_error')
  })

  it('deny a path that can be tested but not read: between the two bounds nothing may fail later', () => {
    const regex = compileRegex(GROUPS)
    if (typeof regex === 'string') throw new Error(regex)
    const path = `/${'a'.repeat(MAX_STEPS / regex.size / 2)}`
    expect(regex.test(path)).toBe(true)
    expect(() => regex.capture(path, {})).toThrow(RangeError)
    const rules = (rest: string): Deciding =>
      new Deciding(`  - { name: a, match: { pathRegex: '${GROUPS}' }, ${rest} }\n  - { name: b, identity: none }\n`)
    for (const rest of ['identity: none', 'identity: none, set: { id: captures.id }', 'deny: 404']) {
      expect(rules(rest).ask({ path })).toMatchObject({ allow: false, reason: 'policy_error', rule: { name: 'a' } })
      expect(rules(rest).ask({ path: '/aaa' })).toMatchObject({ rule: { name: 'a' } })
      expect(rules(rest).ask({ path: '/0' })).toMatchObject({ allow: true, rule: { name: 'b' } })
    }
    // Without groups there is nothing to read.
    const plain = new Deciding("  - { name: a, match: { pathRegex: '^/[a-z]{1,60}' }, identity: none }\n")
    expect(plain.ask({ path })).toMatchObject({ allow: true })
  })
})

/** Of a size that makes the bound for reading groups the smaller one. */
const GROUPS = '^/(?P<id>[a-z]{1,60})'
