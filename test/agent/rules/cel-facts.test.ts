import { describe, expect, it } from 'vitest'
import { ConnectionView, VerdictView } from '../../../agent/rules/facts.ts'
import { compiled, evaluate, factsOf, refused } from './cel-support.ts'

const NOTHING = { headers: [], params: [], connection: [], time: false, verdict: false }

describe('headers', () => {
  it.each([
    'request.headers["x-tenant"] == "acme"',
    'request.headers["X-Tenant"] == "acme"',
    'request["headers"]["x-tenant"] == "acme"',
    '"X-Tenant" in request.headers && !("x-other" in request.headers)',
    'has(request.headers.host) && !has(request.headers.other) && request.headers.host == "a"',
  ])('are read whatever the case of their names: %s', (source) => {
    expect(evaluate(source, { headers: { 'x-tenant': 'acme', host: 'a' } })).toBe(true)
  })

  it.each(['request.headers["x-none"]', 'request.headers["constructor"]', 'request.headers.tostring'])(
    'that are not there are an error of the evaluation: %s',
    (source) => {
      expect(() => evaluate(source)).toThrow(/^request\.headers has no/)
    },
  )

  it('that come twice are an error of the evaluation, for nobody knows which one the server takes', () => {
    const headers = { 'x-tenant': ['acme', 'evil'] }
    expect(() => evaluate('request.headers["x-tenant"]', { headers })).toThrow('the request has 2 headers "x-tenant"')
    expect(evaluate('"x-tenant" in request.headers', { headers })).toBe(true)
  })

  it.each([
    'request.headers[request.path]',
    'request.headers',
    'size(request.headers)',
    'request.path in request.headers',
    'request.headers.exists(h, h == "a")',
    'cel.bind(h, request.headers, h["x"])',
  ])('have names that are known at load: %s', (source) => {
    expect(refused(source)).toMatchObject({
      message: 'the header that is read must be known at load',
      hint: expect.stringContaining('request.headers["name"]'),
    })
  })

  it.each(['request.headers["x)"]', '"" in request.headers', 'has(request.headers.x_tenant)'])(
    'cannot have names that spoe.conf could not ask for: %s',
    (source) => {
      expect(refused(source)).toMatchObject({ message: expect.stringContaining('cannot ask for a header') })
    },
  )
})

describe('parameters of the query', () => {
  it.each([
    ['request.params.version == "2"', 'version=2'],
    ['request.params["a b"] == "x&y"', 'a+b=x%26y'],
    ['"debug" in request.params', 'debug'],
    ['has(request.params.debug) && request.params.debug == ""', 'debug'],
    ['!("debug" in request.params)', 'xdebug=1'],
    ['request.params.a == "1"', 'a=1&b=2&a=1'],
  ])('%s with %s', (source, query) => {
    expect(evaluate(source, { query })).toBe(true)
  })

  it('with two values are an error of the evaluation, and are there', () => {
    const query = 'admin=false&admin=true'
    expect(() => evaluate('request.params.admin == "false"', { query })).toThrow('several values of "admin"')
    expect(evaluate('"admin" in request.params', { query })).toBe(true)
  })

  it('that are not there are an error of the evaluation', () => {
    expect(() => evaluate('request.params.a')).toThrow('request.params has no "a"')
  })

  it('have names that are known at load', () => {
    expect(refused('request.params[request.method]')).toMatchObject({
      message: 'the parameter of the query that is read must be known at load',
      start: 0,
    })
  })
})

describe('captures', () => {
  it('are read by name', () => {
    const captures = { id: '7' }
    expect(evaluate('captures.id + captures["id"]', { captures })).toBe('77')
    expect(evaluate('"id" in captures && has(captures.id)', { captures })).toBe(true)
  })

  it('are not inherited', () => {
    const facts = factsOf()
    expect(compiled('"constructor" in captures', 'any', ['constructor']).evaluate(facts)).toBe(false)
    expect(() => compiled('captures.constructor', 'any', ['constructor']).evaluate(facts)).toThrow('has no')
  })

  it('that no path gives are refused at their column, with the one that is meant', () => {
    expect(refused('request.path == captures.odrer', 'any', ['order', 'item'])).toMatchObject({
      message: 'the paths of the rule do not all capture "odrer"',
      start: 25,
      end: 30,
      hint: 'Did you mean "order"?',
    })
    expect(refused('captures.zzzzzzzz', 'any', ['order', 'item']).hint).toContain('gives order, item;')
  })

  it('are refused without a pattern that captures, which the hint shows', () => {
    expect(refused('captures.id')).toMatchObject({
      message: 'the path of the rule captures nothing',
      hint: expect.stringContaining('{id}'),
    })
  })

  it.each(['captures', 'size(captures)', 'captures[request.path]', 'captures.exists(c, c == "id")'])(
    'have names that are known at load: %s',
    (source) => {
      expect(refused(source, 'any', ['id'])).toMatchObject({ hint: 'Write captures.id for {id}.' })
    },
  )
})

describe('connection, time and verdict', () => {
  it('tell of TLS', () => {
    const connection = new ConnectionView('192.0.2.1', true, 'TLSv1.3', 'a.example.com', 'h2')
    const source = 'connection.tlsVersion == "TLSv1.3" && connection.sni == "a.example.com" && connection.alpn == "h2"'
    expect(evaluate(source, { connection })).toBe(true)
    expect(evaluate('connection.sni == ""')).toBe(true)
  })

  it('tell what workflows found out', () => {
    const verdict = new VerdictView(true, 'slow', 'abuse', 5n, ['scraper'])
    const source = 'verdict.block && verdict.route == "slow" && verdict.reason == "abuse" && verdict.limit < 6'
    expect(evaluate(`${source} && "scraper" in verdict.tags`, { verdict })).toBe(true)
    expect(evaluate('verdict.block || verdict.limit > 0 || size(verdict.tags) > 0')).toBe(false)
  })

  it('tell the time', () => {
    const given = { time: '2026-07-01T22:30:00Z' }
    expect(evaluate('request.time > timestamp("2026-07-01T00:00:00Z")', given)).toBe(true)
    expect(evaluate('request.time - duration("1h") < timestamp("2026-07-01T22:00:00Z")', given)).toBe(true)
  })
})

describe('what an expression reads', () => {
  it.each([
    ['request.path == "/"', {}],
    [
      'request.headers["X-A"] == "1" || ("x-b" in request.headers && has(request.headers.c))',
      { headers: ['x-a', 'x-b', 'c'] },
    ],
    ['identity.roles.exists(r, r == request.headers["x-role"])', { headers: ['x-role'] }],
    ['{"a": request.params.x}["a"] == request.params["Y"]', { params: ['x', 'Y'] }],
    [
      'has(connection.sni) ? connection.alpn == "h2" : connection["tlsVersion"] == ""',
      { connection: ['sni', 'alpn', 'tlsVersion'] },
    ],
    ['[1, 2].filter(x, request.time.getHours() == x).size() > 0', { time: true }],
    ['cel.bind(v, verdict.limit, v + v) > 1', { verdict: true }],
    ['sha256(lower(request.headers.a)) == ""', { headers: ['a'] }],
  ])('is found anywhere in it: %s', (source, reads) => {
    expect(compiled(source).reads).toEqual({ ...NOTHING, ...reads })
  })

  it.each(['identity.tenant == ""', 'has(identity.claims.a)', '"a" in identity["roles"]', 'size([identity]) > 0'])(
    'includes the caller: %s',
    (source) => {
      expect(compiled(source)).toMatchObject({ needsIdentity: true, needsHost: false })
    },
  )

  it.each(['request.host == ""', 'request["host"] == ""', 'has(request.host)'])('includes the host: %s', (source) => {
    expect(compiled(source)).toMatchObject({ needsIdentity: false, needsHost: true })
  })

  it.each(['[request].exists(r, r.host == "a")', 'cel.bind(c, connection, c.sni)', 'type(verdict) == type(1)'])(
    'could not be told if it were handed around: %s',
    (source) => {
      expect(refused(source).message).toMatch(/^"\w+" cannot stand alone$/)
    },
  )

  it.each(['[{"host": "a"}].exists(request, request.host == "a")', 'cel.bind(captures, "a", captures)'])(
    'could not be told if its names were taken: %s',
    (source) => {
      expect(refused(source, 'any', ['id']).message).toMatch(/^"\w+" is taken$/)
    },
  )

  it('could not be told if a field were computed', () => {
    expect(refused('request[request.method]').message).toContain('known at load')
  })

  it('is checked within has(), too, where cel-js does not look', () => {
    expect(refused('has(request.hots)')).toMatchObject({ start: 12, hint: 'Did you mean "host"?' })
  })
})
