import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePathPattern } from '../../../agent/rules/path-pattern.ts'
import { canonicalPath } from '../../../agent/rules/path.ts'

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

  it('of a byte is the same however it is written, or there is none', () => {
    for (let byte = 0; byte < 256; byte++) {
      const plain = canonicalPath(`/x${String.fromCharCode(byte)}y`)
      const written = canonicalPath(`/x%${byte.toString(16).padStart(2, '0')}y`)
      // A slash is one or it is none, a percent sign begins an escape, a number sign ends the path.
      if (![0x2f, 0x25, 0x23].includes(byte)) expect([byte, plain]).toEqual([byte, written])
    }
    expect(canonicalPath('/x#y')).toBeUndefined()
  })

  it('can be written as a pattern', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), (text) => {
        const path = canonicalPath(`/${Buffer.from(text).toString('latin1')}`)
        fc.pre(path !== undefined && !path.includes('*'))
        const pattern = compilePathPattern(path)
        expect(typeof pattern === 'string' ? pattern : pattern.matches(path)).toBe(true)
      }),
    )
  })

  it('of a canonical path is that path', () => {
    const unit = fc.constantFrom('/', '.', '%', '2', 'e', 'F', 'a', '\\', ';', '~', '|', '{', '\xe9', '#')
    const path = fc.string({ unit, minLength: 1 })
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
