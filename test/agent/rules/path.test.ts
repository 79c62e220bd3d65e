import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalPath, compilePath, type PathMatcher } from '../../../agent/rules/path.ts'

describe('the canonical path', () => {
  it.each([
    ['/orders/1', '/orders/1'],
    ['/%6frders', '/orders'],
    ['/%61dmin/%7Euser', '/admin/~user'],
    ['//admin///users', '/admin/users'],
    ['/users/%40me/%28x%29', '/users/@me/(x)'],
    ['/a%2525', '/a%2525'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a..b/...', '/a..b/...'],
  ])('of %s is %s', (path, expected) => {
    expect(canonicalPath(path)).toBe(expected)
  })

  it.each([
    '',
    '*',
    '.',
    'orders',
    '/a/../b',
    '/..',
    '/a/./b',
    '/.',
    '/%2e%2e/b',
    '/a/.%2E/b',
    '/a%2f..%2fb',
    '/a/..;/b',
    '/a;x/b',
    '/a%3bx',
    '/a%2fb',
    '/%2Fa',
    '/a\\b',
    '/a%5cb',
    '/a%00',
    '/a%0d%0ab',
    '/a\u0000',
    '/a%',
    '/a%g1',
    '/a%2',
  ])('of %j does not exist: servers disagree about it', (path) => {
    expect(canonicalPath(path)).toBeUndefined()
  })

  it('of a canonical path is that path', () => {
    const path = fc.string({ unit: fc.constantFrom('/', '.', '%', '2', 'e', 'F', 'a', '\\', ';', '~'), minLength: 1 })
    fc.assert(
      fc.property(path, (text) => {
        const once = canonicalPath(text)
        fc.pre(once !== undefined)
        expect(canonicalPath(once)).toBe(once)
      }),
    )
  })

  it('never holds a dot segment after one more decoding', () => {
    const path = fc.string({ unit: fc.constantFrom('/', '.', '%2e', '%2E', '%2f', '%5c', 'a', ';'), minLength: 1 })
    fc.assert(
      fc.property(path, (text) => {
        const canonical = canonicalPath(text)
        fc.pre(canonical !== undefined)
        const decoded = decodeURIComponent(canonical)
        expect(decoded.split(/[/\\]/).some((segment) => segment === '..' || segment === '.')).toBe(false)
      }),
    )
  })
})

describe('a path pattern', () => {
  const matches = (pattern: string, path: string): boolean => (compilePath(pattern) as PathMatcher)(path)

  it.each([
    ['/healthz', '/healthz', true],
    ['/healthz', '/healthz/', false],
    ['/orders/**', '/orders', true],
    ['/orders/**', '/orders/', true],
    ['/orders/**', '/orders/1/items', true],
    ['/orders/**', '/ordersx', false],
    ['/**', '/', true],
    ['/**', '/anything/at/all', true],
    ['/orders/*', '/orders/1', true],
    ['/orders/*', '/orders/', false],
    ['/orders/*', '/orders/1/2', false],
    ['/orders/*', '/orders/1/', false],
    ['/orders/*/items', '/orders/1/items', true],
    ['/orders/*/items', '/orders//items', false],
    ['/orders/*/items', '/orders/1/items/2', false],
    ['/t/*/api/**', '/t/acme/api', true],
    ['/t/*/api/**', '/t/acme/api/x/y', true],
    ['/t/*/api/**', '/t/acme', false],
    ['/t/*/api/**', '/t/acme/apix', false],
    ['/', '/', true],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected)
  })

  it.each(['/a*', '/**/x', '/a/../b', '/%61', '/a//b', '/ä/**', '/a b', '/a?x=1', '/a;b'])(
    '%s is refused with a reason',
    (pattern) => {
      expect(compilePath(pattern)).toEqual(expect.any(String))
    },
  )
})
