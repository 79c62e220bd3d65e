import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { IpAddress } from '../../../agent/rules/cel.ts'
import { compiled, evaluate, factsOf, refused } from './cel-support.ts'

describe('matches()', () => {
  it.each([
    ['request.path.matches("^/v[0-9]+/orders$")', true],
    ['request.path.matches("orders")', true],
    ['request.path.matches("^orders")', false],
    ['request.path.matches("(?i)ORDERS")', true],
    ['request.path.matches(r"^/v\\d/")', true],
    ['identity.claims.plan.matches("^g")', true],
    ['["/v1", "v2"].all(p, p.matches("^/?v[0-9]"))', true],
  ])('%s is %s', (source, expected) => {
    expect(evaluate(source, { path: '/v1/orders', identity: { claims: { plan: 'gold' } } as never })).toBe(expected)
  })

  it.each([
    ['request.path.matches("a(")', 'missing closing )'],
    ['request.path.matches("(?=a)")', 'invalid or unsupported Perl syntax'],
    [`request.path.matches("(a)\\\\1")`, 'invalid escape sequence'],
    ['request.path.matches("(a{100}){9}")', 'too large'],
    ['request.path.matches(request.host)', 'as a literal'],
    ['request.path.matches("a" + "b")', 'as a literal'],
  ])('is refused at its column: %s', (source, message) => {
    const error = refused(source)
    expect(error.message).toContain(message)
    expect(error.hint).toBeDefined()
    // A field's place is its name, as everywhere.
    const place = source.slice('request.path.matches('.length, -1).replace('request.', '')
    expect(source.slice(error.start, error.end)).toBe(place)
  })

  it('of what is no text is an error of the evaluation', () => {
    expect(() => evaluate('identity.claims.n.matches("1")', { identity: { claims: { n: 1 } } as never })).toThrow(
      'text',
    )
  })

  it('of a text beyond its bounds is an error of the evaluation', () => {
    expect(() => evaluate('request.path.matches("a")', { path: '/'.repeat(8193) })).toThrow('too long')
  })
})

describe('inNetwork()', () => {
  it.each([
    ['inNetwork(connection.source, "10.0.0.0/8")', '10.1.2.3', true],
    ['inNetwork(connection.source, "10.0.0.0/8")', '11.1.2.3', false],
    ['inNetwork(connection.source, ["10.0.0.0/8", "2001:db8::/32", "!10.9.0.0/16"])', '2001:db8::1', true],
    ['inNetwork(connection.source, ["10.0.0.0/8", "2001:db8::/32", "!10.9.0.0/16"])', '10.9.0.1', false],
    ['inNetwork(connection.source, "10.0.0.0/8")', '', false],
  ])('%s of %s is %s', (source, address, expected) => {
    expect(evaluate(source, { source: address })).toBe(expected)
  })

  it.each([
    ['inNetwork(connection.source, "10.0.0.0/33")', '"10.0.0.0/33"'],
    ['inNetwork(connection.source, "nowhere")', '"nowhere"'],
    ['inNetwork(connection.source, request.host)', 'host'],
    ['inNetwork(connection.source, ["10.0.0.0/8", request.host])', '["10.0.0.0/8", request.host]'],
  ])('is refused at the networks: %s', (source, place) => {
    const { start, end } = refused(source)
    expect(source.slice(start, end)).toBe(place)
  })

  it('of what is no text is an error of the evaluation', () => {
    const given = { identity: { claims: { ip: 1 } } as never }
    expect(() => evaluate('inNetwork(identity.claims.ip, "10.0.0.0/8")', given)).toThrow('text')
  })
})

describe('ip()', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', [192, 0, 2, 1]],
    ['::ffff:192.0.2.1', '192.0.2.1', [192, 0, 2, 1]],
    ['2001:db8::1', '2001:db8::1', [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
  ])('of %s is an address', (source, text, bytes) => {
    const address = evaluate('ip(connection.source)', { source })
    expect(address).toBeInstanceOf(IpAddress)
    expect(address).toMatchObject({ text })
    expect([...(address as IpAddress).bytes]).toEqual(bytes)
  })

  it('compares addresses, not their spelling', () => {
    expect(evaluate('ip("2001:DB8:0::1") == ip("2001:db8::1") && ip("::1") != ip("127.0.0.1")')).toBe(true)
    expect(evaluate('ip("::1").text == "::1" && string(ip("10.0.0.1")) == "10.0.0.1"')).toBe(true)
  })

  it.each(['', '1.2.3', '1.2.3.256', 'fe80::1%eth0', 'a'])('of %j is an error of the evaluation', (source) => {
    expect(() => evaluate('ip(connection.source)', { source })).toThrow('needs an IPv4 or IPv6 address')
  })
})

describe('functions of texts', () => {
  it.each([
    ['lower("AbC")', 'abc'],
    // KELVIN SIGN becomes "k" by the rules of Unicode, and would pass for one.
    ['lower("\u212aING")', '\u212aing'],
    ['"\u212aING".lowerAscii()', '\u212aing'],
    ['"\u00e9a".upperAscii()', '\u00e9A'],
    ['urlEncode("a b/?&=\u00e9*()\'!~")', 'a%20b%2F%3F%26%3D%C3%A9%2A%28%29%27%21~'],
    ['"a,b,,c".split(",").join("-")', 'a-b--c'],
    ['"a,b,c".split(",", 2).join("-")', 'a-b,c'],
    ['["a", "b"].join()', 'ab'],
    ['"  a ".trim()', 'a'],
    ['"abcd".substring(1, 3)', 'bc'],
    ['"aXbX".replace("X", "$&")', 'a$&b$&'],
    ['"aXbX".replace("X", "", 1)', 'abX'],
    ['"aXbX".replace("X", "y", -1)', 'ayby'],
    ['"aXbX".replace("X", "y", 0)', 'aXbX'],
    ['"aXbX".replace("z", "y")', 'aXbX'],
    ['"abc".charAt(1) + "abc".charAt(3)', 'b'],
  ])('%s is %s', (source, expected) => {
    expect(evaluate(source)).toBe(expected)
  })

  it('hash as base64url', () => {
    const expected = createHash('sha256').update('\u00e9').digest('base64url')
    expect(evaluate('sha256("\u00e9")')).toBe(expected)
  })

  it.each(['urlEncode(identity.subject)', '"a".replace("", "b")', '"a".charAt(2)', '"a".charAt(-1)', '[1].join()'])(
    'that cannot answer are an error of the evaluation or refused: %s',
    (source) => {
      expect(() => evaluate(source, { identity: { subject: '\ud800' } })).toThrow()
    },
  )

  it('take claims, whatever they turn out to be', () => {
    const given = { identity: { claims: { a: 'X,Y', n: 1, list: ['a', 'b'], mixed: ['a', 1] } } as never }
    expect(evaluate('lower(identity.claims.a)', given)).toBe('x,y')
    expect(evaluate('identity.claims.list.join("+")', given)).toBe('a+b')
    expect(evaluate('identity.claims.a.split(",")[1]', given)).toBe('Y')
    expect(() => evaluate('identity.claims.mixed.join()', given)).toThrow('list of texts')
    expect(() => evaluate('lower(identity.claims.n)', given)).toThrow()
    expect(() => evaluate('identity.claims.n.lowerAscii()', given)).toThrow('text')
  })

  it('find texts in texts and lists', () => {
    const source =
      'request.path.startsWith("/o") && request.path.endsWith("7") && request.path.contains("er") && "a" in ["a"] && !("b" in identity.roles)'
    expect(evaluate(source, { identity: { roles: ['a'] } })).toBe(true)
    expect(evaluate('request.path.startsWith("o") || "a" in identity.roles')).toBe(false)
  })
})

describe('times', () => {
  it.each([
    ['request.time.getHours("Europe/Berlin")', 0n],
    ['request.time.getHours()', 22n],
    ['request.time.getMinutes("Asia/Kolkata")', 0n],
    ['request.time.getDate("Europe/Berlin")', 1n],
    ['request.time.getDayOfMonth("Europe/Berlin")', 0n],
    ['request.time.getDayOfMonth()', 29n],
    ['request.time.getDayOfWeek("Europe/Berlin")', 3n],
    ['request.time.getMonth("Europe/Berlin")', 6n],
    ['request.time.getFullYear("Europe/Berlin")', 2026n],
    ['request.time.getDayOfYear("Europe/Berlin")', 181n],
    ['request.time.getDayOfYear()', 180n],
    ['request.time.getSeconds("Europe/Berlin")', 5n],
    ['request.time.getMilliseconds("Europe/Berlin")', 250n],
    ['duration("90m").getHours()', 1n],
  ])('%s is %s', (source, expected) => {
    expect(evaluate(source, { time: '2026-06-30T22:30:05.250Z' })).toBe(expected)
  })

  it.each([
    ['request.time.getHours("Europe/Berln")', 'Did you mean "Europe/Berlin"?', '"Europe/Berln"'],
    ['request.time.getSeconds("nowhere at all")', 'IANA', '"nowhere at all"'],
    ['request.time.getHours(request.path)', 'getHours("Europe/Berlin")', 'path'],
    ['request.time > timestamp("tomorrow")', 'timestamp("2026-', '"tomorrow"'],
    ['request.time - duration("an hour") < request.time', 'duration("1h30m")', '"an hour"'],
  ])('are refused at their column: %s', (source, hint, place) => {
    const error = refused(source)
    expect(error.hint).toContain(hint)
    expect(source.slice(error.start, error.end)).toBe(place)
  })

  it('of claims are read at each request', () => {
    const expression = compiled('request.time < timestamp(identity.claims.until)')
    const until = (text: string): unknown =>
      expression.evaluate(factsOf({ time: '2026-06-30T22:30:05Z', identity: { claims: { until: text } } as never }))
    expect(until('2026-07-01T00:00:00Z')).toBe(true)
    expect(until('2026-06-01T00:00:00Z')).toBe(false)
    expect(() => until('soon')).toThrow()
    expect(() => evaluate('identity.claims.n.getHours("UTC")', { identity: { claims: { n: 1 } } as never })).toThrow()
  })
})
