import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Actors } from '../../../agent/actor/actors.ts'
import { Engine } from '../../../agent/explain/engine.ts'
import { requestOf } from '../../../agent/explain/parse-request.ts'
import { Steps } from '../../../agent/explain/steps.ts'
import { canonicalHost, RequestView } from '../../../agent/rules/facts.ts'
import { canonicalPath } from '../../../agent/rules/path.ts'
import { decide } from '../../../agent/rules/decide.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { denied } from '../../../agent/identity/reasons.ts'
import { authenticatorOf, identityOf } from '../rules/support.ts'
import { configOf } from './support.ts'

const WORDING = {
  realm: 'test',
  retryAfterS: () => 1,
  dpopNonce: () => undefined,
  rateLimitKey: undefined,
  resourceMetadata: () => undefined,
}

const rule = fc.record({
  method: fc.option(fc.constantFrom('GET', 'POST'), { nil: undefined }),
  path: fc.option(fc.constantFrom('/a', '/a/**', '/{x}', '/a/{y}/c', '/b/**'), { nil: undefined }),
  host: fc.option(fc.constantFrom('x.example.com', '*.example.com'), { nil: undefined }),
  header: fc.option(fc.constantFrom('1', '2'), { nil: undefined }),
  when: fc.option(
    fc.constantFrom(
      '"admin" in identity.roles',
      'identity.claims.plan == "gold"',
      'request.params.v == "1"',
      'request.path.startsWith("/a")',
    ),
    { nil: undefined },
  ),
  effect: fc.constantFrom({}, { deny: 403 }, { redirect: { to: '"https://y/"' } }, { route: 'orders' }),
  mode: fc.constantFrom('enforce', 'enforce', 'shadow'),
  caller: fc.constantFrom(
    { require: 'corp' },
    { require: 'other' },
    { require: ['corp', 'other'], scopes: ['s'] },
    {
      require: 'corp',
      optional: true,
    },
  ),
})

const request = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  host: fc.constantFrom('x.example.com', 'y.example.com', 'z.org'),
  path: fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/b/%61', '/a/../b', '/q'),
  query: fc.constantFrom('', '?v=1', '?v=1&v=2', '?v=2'),
  header: fc.constantFrom<string[]>([], ['x-h: 1'], ['x-h: 2'], ['x-h: 1', 'x-h: 2']),
  roles: fc.constantFrom<string[]>([], ['admin']),
  caller: fc.constantFrom('known', 'refused', 'away', 'late'),
})

it('what is explained is what is decided, for any rules and requests', async () => {
  const property = fc.asyncProperty(fc.array(rule, { minLength: 1, maxLength: 8 }), request, async (rules, asked) => {
    const text = rules
      .map(({ method, path, host, header, when, effect, mode, caller }, i) => {
        const match = { method, path, host, ...(header !== undefined && { header: { 'x-h': header } }), when }
        // JSON is YAML.
        return `  - ${JSON.stringify({ name: `r${i}`, mode, match, identity: caller, ...effect })}\n`
      })
      .join('')
    const loaded = configOf(text)
    const authenticator = authenticatorOf((providers) => {
      if (asked.caller === 'refused') return denied('expired')
      if (asked.caller === 'away') return denied('keys_unavailable')
      if (!providers.includes('corp')) return denied('no_credentials')
      const result = { ok: true as const, identity: identityOf({ roles: asked.roles, claims: { plan: 'free' } }) }
      return asked.caller === 'late' ? Promise.resolve(result) : result
    })
    const { method, host, path, query, header } = asked
    const given = requestOf({
      request: `${method} https://${host}${path}${query}`,
      header,
      id: 'id',
      at: '2026-11-24T10:00:00Z',
    })
    const trace = new Steps()
    const engine = new Engine(loaded, { authenticator, actors: new Actors(), wording: WORDING, trace })
    const answer = await engine.ask(given)

    const ruleSet = compileRules(loaded.config, loaded.document)
    const canonical = canonicalPath(given.path)
    if (canonical === undefined) {
      expect(answer.decision.reason).toBe('ambiguous_path')
      return
    }
    const fields = new Map(
      header.length === 0 ? [] : [['x-h', { value: header.at(-1)?.slice(5) ?? '', count: header.length }]],
    )
    const view = new RequestView(
      'id',
      method,
      canonicalHost(given.host) ?? '',
      canonical,
      given.query,
      '127.0.0.1',
      true,
      fields,
      given.at,
    )
    const evidence = {
      requestId: 'id',
      method,
      host,
      path: given.path,
      query: given.query,
      source: '127.0.0.1',
      tls: true,
      authorization: undefined,
      authorizationCount: 0,
      headers: fields,
      certificate: undefined,
      body: undefined,
    }
    const plain = await decide(ruleSet, authenticator, view, evidence)
    const told = ({ allow, status, reason, rule: decider, route, location, identity }: typeof plain) => ({
      allow,
      status,
      reason,
      route,
      location,
      rule: decider?.name,
      subject: identity?.subject,
    })
    expect(told(answer.decision)).toEqual(told(plain))
    // The trace ends with the rule that decided, and tells each one once.
    const names = trace.all.map(({ rule: { name } }) => name)
    expect(new Set(names).size).toBe(names.length)
    if (plain.rule !== undefined) expect(names.at(-1)).toBe(plain.rule.name)
  })
  await fc.assert(property, { numRuns: 300 })
})
