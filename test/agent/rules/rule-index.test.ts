import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidates } from '../../../agent/rules/candidates.ts'
import { compilePathPattern, type PathPattern } from '../../../agent/rules/path-pattern.ts'
import { RuleIndex } from '../../../agent/rules/rule-index.ts'

interface Rule {
  readonly methods?: readonly string[] | undefined
  readonly hosts?: readonly string[] | undefined
  readonly paths?: readonly string[] | undefined
}

function entryOf({ methods, hosts, paths }: Rule): {
  methods: Set<string> | undefined
  hosts: readonly string[] | undefined
  paths: PathPattern[] | undefined
} {
  return {
    methods: methods && new Set(methods),
    hosts,
    paths: paths?.map((text) => {
      const pattern = compilePathPattern(text)
      if (typeof pattern === 'string') throw new Error(pattern)
      return pattern
    }),
  }
}

function indexOf(rules: readonly Rule[]): RuleIndex {
  return new RuleIndex(rules.map(entryOf))
}

function all(candidates: Candidates): number[] {
  const indices: number[] = []
  for (let i = candidates.next(); i !== -1; i = candidates.next()) indices.push(i)
  return indices
}

/** What the index stands for: every rule looked at, in order. */
function scan(rules: readonly Rule[], method: string, host: string, path: string): number[] {
  return rules.flatMap((rule, i) => {
    const { methods, hosts, paths } = entryOf(rule)
    const matches =
      (methods === undefined || methods.has(method)) &&
      (hosts === undefined || hosts.some((pattern) => hostMatches(pattern, host))) &&
      (paths === undefined || paths.some((pattern) => pattern.matches(path)))
    return matches ? [i] : []
  })
}

function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  const suffix = pattern.slice(1)
  return host.length > suffix.length && host.endsWith(suffix)
}

describe('the index of the rules', () => {
  it('gives the rules for a method, a host and a path, in order', () => {
    const index = indexOf([
      { paths: ['/healthz'] },
      { hosts: ['a.example.com'], paths: ['/orders/*'] },
      { hosts: ['*.example.com'], methods: ['GET'], paths: ['/orders/**'] },
      { hosts: ['b.example.com'], paths: ['/orders/1'] },
      { methods: ['POST'] },
      { hosts: ['a.example.com'] },
      {},
    ])
    expect(all(index.candidates('GET', 'a.example.com', '/orders/1'))).toEqual([1, 2, 5, 6])
    expect(all(index.candidates('POST', 'a.example.com', '/orders/1'))).toEqual([1, 4, 5, 6])
    expect(all(index.candidates('GET', 'b.example.com', '/orders/1'))).toEqual([2, 3, 6])
    expect(all(index.candidates('GET', 'x.b.example.com', '/orders'))).toEqual([2, 6])
    expect(all(index.candidates('GET', 'example.com', '/healthz'))).toEqual([0, 6])
  })

  it('gives a rule once that matches in several ways', () => {
    const index = indexOf([
      {
        hosts: ['*.example.com', 'a.example.com', '*.com', 'a.example.com'],
        paths: ['/a', '/*', '/**', '/{x}', '/a/**'],
      },
    ])
    expect(all(index.candidates('GET', 'a.example.com', '/a'))).toEqual([0])
  })

  it('gives no rule whose lists are empty', () => {
    const index = indexOf([{ methods: [] }, { hosts: [] }, { paths: [] }])
    expect(all(index.candidates('GET', '', '/'))).toEqual([])
  })

  it('goes on where it is told to', () => {
    const index = indexOf([{}, { paths: ['/a'] }, { paths: ['/*'] }, { hosts: ['h'] }, { paths: ['/b'] }, {}])
    expect(all(index.candidates('GET', 'h', '/a'))).toEqual([0, 1, 2, 3, 5])
    expect(all(index.candidates('GET', 'h', '/a').startAt(2))).toEqual([2, 3, 5])
    expect(all(index.candidates('GET', 'h', '/a').startAt(4))).toEqual([5])
    expect(all(index.candidates('GET', 'h', '/a').startAt(6))).toEqual([])
    const later = index.candidates('GET', 'h', '/a')
    expect(later.next()).toBe(0)
    expect(all(later.startAt(0))).toEqual([1, 2, 3, 5])
  })

  it('says over and over that nothing is left', () => {
    const candidates = indexOf([{}]).candidates('GET', '', '/')
    expect([candidates.next(), candidates.next(), candidates.next()]).toEqual([0, -1, -1])
  })

  it('begins anew with each request, however far the one before was read', () => {
    const index = indexOf([{ paths: ['/a/**'] }, { paths: ['/a/*/c'] }, { paths: ['/a/b/c'] }, { paths: ['/b'] }])
    expect(index.candidates('GET', '', '/a/b/c').next()).toBe(0)
    expect(all(index.candidates('GET', '', '/b'))).toEqual([3])
    expect(all(index.candidates('GET', '', '/a/b/c'))).toEqual([0, 1, 2])
  })

  it('is empty without rules', () => {
    expect(all(indexOf([]).candidates('GET', 'example.com', '/'))).toEqual([])
  })
})

const METHOD = fc.constantFrom('GET', 'GET', 'POST', '__proto__')
const LABEL = fc.constantFrom('a', 'a', 'a', 'com', '__proto__', '')
const HOST = fc.array(LABEL, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))
const HOST_PATTERN = fc.tuple(fc.boolean(), HOST).map(([isWildcard, host]) => (isWildcard ? `*.${host}` : host))
const TEXT = fc.constantFrom('a', 'a', 'a', 'ab', '__proto__')
const PATH_PATTERN = fc
  .tuple(fc.array(fc.oneof(TEXT, fc.constant('*')), { maxLength: 3 }), fc.constantFrom('', '/', '/**', '/{rest...}'))
  .map(([segments, end]) => segments.map((segment) => `/${segment}`).join('') + end || '/')
const SEGMENT = fc.oneof({ weight: 9, arbitrary: TEXT }, fc.constantFrom('', 'longer than any literal'))
const PATH = fc
  .tuple(fc.constantFrom('/', '/', '/', '/', ''), fc.array(SEGMENT, { maxLength: 4 }))
  .map(([start, segments]) => start + segments.join('/'))

/** Some of them, rarely none; or nothing said. */
function listOf<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[] | undefined> {
  const some = fc.array(arbitrary, { minLength: 1, maxLength: 5, size: 'max' })
  return fc.oneof(
    { weight: 9, arbitrary: some },
    { weight: 9, arbitrary: fc.constant(undefined) },
    fc.constant<T[]>([]),
  )
}

const RULES = fc.array(
  fc.record({ methods: listOf(METHOD), hosts: listOf(HOST_PATTERN), paths: listOf(PATH_PATTERN) }),
  {
    maxLength: 30,
    size: 'max',
  },
)

describe('for any rules and requests, the index', () => {
  const requests = fc.array(fc.tuple(METHOD, HOST, PATH), { minLength: 1, maxLength: 10, size: 'max' })

  it('gives what looking at every rule gives, in the same order', () => {
    let found = 0
    fc.assert(
      fc.property(RULES, requests, (rules, asked) => {
        const index = indexOf(rules)
        for (const request of asked) {
          const expected = scan(rules, ...request)
          expect([request, all(index.candidates(...request))]).toEqual([request, expected])
          found += expected.length
        }
      }),
      { numRuns: 300 },
    )
    // Or the generators make requests that no rule is about.
    expect(found).toBeGreaterThan(1000)
  })

  it('gives the rest of it from any rule on, at once or in between', () => {
    const numbers = fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 5 }))
    fc.assert(
      fc.property(RULES, requests, numbers, (rules, asked, [from, taken]) => {
        const index = indexOf(rules)
        for (const request of asked) {
          const expected = scan(rules, ...request)
          const candidates = index.candidates(...request)
          const before = Array.from({ length: taken }, () => candidates.next()).filter((i) => i !== -1)
          const after = expected.slice(before.length).filter((i) => i >= from)
          expect([...before, ...all(candidates.startAt(from))]).toEqual([...before, ...after])
          expect(all(index.candidates(...request).startAt(from))).toEqual(expected.filter((i) => i >= from))
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('whatever a caller sends, the index', () => {
  const rules: readonly Rule[] = [
    { hosts: ['*.example.com'], paths: ['/a/*/b/**'] },
    { hosts: ['example.com', '__proto__', 'constructor'], paths: ['/__proto__/constructor'] },
    { methods: ['GET', '__proto__'], paths: ['/*/*/*', '/**'] },
    { paths: ['/a', '/a/'] },
    {},
  ]
  const index = indexOf(rules)
  const MEGABYTE = 1024 * 1024

  it.each([
    ['a very long segment', 'GET', 'x.example.com', `/${'a'.repeat(MEGABYTE)}`],
    ['a very long segment below', 'GET', 'x.example.com', `/a/${'x'.repeat(MEGABYTE)}/b/c`],
    ['slashes without end', 'GET', 'x.example.com', '/'.repeat(MEGABYTE)],
    ['segments without end', 'GET', 'x.example.com', '/a'.repeat(MEGABYTE)],
    ['empty segments', 'GET', 'x.example.com', '/a//b'],
    ['an empty path', 'GET', 'example.com', ''],
    ['an asterisk', 'OPTIONS', 'example.com', '*'],
    ['a path that is none', 'GET', 'example.com', 'a'],
    ['names of object properties', '__proto__', '__proto__', '/__proto__/constructor'],
    ['more of them', 'constructor', 'constructor', '/constructor/__proto__/toString'],
    ['a star', '*', '*.example.com', '/*'],
    ['two stars', 'GET', '*', '/**'],
    ['an empty host', 'GET', '', '/a'],
    ['a dot', 'GET', '.', '/a'],
    ['dots only', 'GET', '.'.repeat(MEGABYTE), '/a'],
    ['a dot in front', 'GET', '.example.com', '/a/x/b'],
    ['two dots in front', 'GET', '..example.com', '/a/x/b'],
    ['an address', 'GET', '[2001:db8::1]', '/a'],
    ['a very long label', 'GET', `${'x'.repeat(MEGABYTE)}.example.com`, '/a/x/b'],
    ['labels without end', 'GET', `${'x.'.repeat(MEGABYTE)}example.com`, '/a/x/b'],
    ['half a character', 'GET', '\ud800', '/\udc00'],
    ['a very long method', 'G'.repeat(MEGABYTE), 'example.com', '/a'],
  ])('finds its rules for %s', (_, method, host, path) => {
    expect(all(index.candidates(method, host, path))).toEqual(scan(rules, method, host, path))
  })

  it('does not multiply branches: each part of each pattern is met once at most', () => {
    // Every choice of literal or star at 12 levels, so 4,096 patterns, all of which match one path.
    const patterns = Array.from({ length: 4096 }, (_, bits) =>
      Array.from({ length: 12 }, (__, level) => ((bits >> level) & 1 ? '/a' : '/*')).join(''),
    )
    const many = indexOf(patterns.map((path) => ({ paths: [path] })))
    expect(all(many.candidates('GET', '', '/a'.repeat(12)))).toEqual(patterns.map((_, i) => i))
    expect(all(many.candidates('GET', '', '/a'.repeat(13)))).toEqual([])
    expect(all(many.candidates('GET', '', '/b'.repeat(12)))).toEqual([0])
  })
})
