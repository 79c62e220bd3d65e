import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalPath } from '../../../agent/rules/path.ts'
import { compilePathPattern, type PathPattern } from '../../../agent/rules/path-pattern.ts'

function compiled(pattern: string): PathPattern {
  const result = compilePathPattern(pattern)
  if (typeof result === 'string') throw new Error(result)
  return result
}

describe('a path pattern', () => {
  it.each([
    ['/healthz', '/healthz', true],
    ['/healthz', '/healthz/', false],
    ['/healthz', '/health', false],
    ['/healthz', '/healthzz', false],
    ['/healthz/', '/healthz/', true],
    ['/healthz/', '/healthz', false],
    ['/orders/**', '/orders', true],
    ['/orders/**', '/orders/', true],
    ['/orders/**', '/orders/1/items', true],
    ['/orders/**', '/ordersx', false],
    ['/orders/{rest...}', '/orders', true],
    ['/orders/{rest...}', '/orders/', true],
    ['/orders/{rest...}', '/orders/1/items', true],
    ['/orders/{rest...}', '/ordersx', false],
    ['/**', '/', true],
    ['/**', '/anything/at/all', true],
    ['/{rest...}', '/', true],
    ['/**', '', false],
    ['/**', 'orders', false],
    ['/*', 'x1', false],
    ['/*', '/', false],
    ['/*', '/x', true],
    ['/*/', '/x/', true],
    ['/*/', '/x', false],
    ['/*/', '/x//', false],
    ['/orders/*', '/orders/1', true],
    ['/orders/*', '/orders', false],
    ['/orders/*', '/orders/', false],
    ['/orders/*', '/orders/1/2', false],
    ['/orders/*', '/orders/1/', false],
    ['/orders/{id}', '/orders/1', true],
    ['/orders/{id}', '/orders/', false],
    ['/orders/{id}', '/orders/1/2', false],
    ['/orders/*/items', '/orders/1/items', true],
    ['/orders/*/items', '/orders//items', false],
    ['/orders/*/items', '/orders/1/items/2', false],
    ['/orders/*/items', '/orders/1/item', false],
    ['/orders/*/items', '/orders/1/itemss', false],
    ['/t/*/api/**', '/t/acme/api', true],
    ['/t/*/api/**', '/t/acme/api/x/y', true],
    ['/t/*/api/**', '/t/acme', false],
    ['/t/*/api/**', '/t/acme/apix', false],
    ['/t/{tenant}/**', '/t/acme', true],
    ['/t/{tenant}/**', '/t/', false],
    ['/t/{tenant}/**', '/t//x', false],
    ['/', '/', true],
    ['/', '/x', false],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(compiled(pattern).matches(path)).toBe(expected)
  })

  it.each([
    ['/orders/{id}', '/orders/1', { id: '1' }],
    ['/orders/{id}', '/orders/caf%C3%A9', { id: 'caf%C3%A9' }],
    ['/orders/{id}/items/{item}', '/orders/1/items/abc', { id: '1', item: 'abc' }],
    ['/orders/*/items/{item}', '/orders/1/items/abc', { item: 'abc' }],
    ['/files/{rest...}', '/files/a/b', { rest: 'a/b' }],
    ['/files/{rest...}', '/files/a/', { rest: 'a/' }],
    ['/files/{rest...}', '/files/', { rest: '' }],
    ['/files/{rest...}', '/files', { rest: '' }],
    ['/{rest...}', '/', { rest: '' }],
    ['/{rest...}', '/a/b', { rest: 'a/b' }],
    ['/t/{tenant}/{rest...}', '/t/acme', { tenant: 'acme', rest: '' }],
    ['/t/{tenant}/{rest...}', '/t/acme/x/y', { tenant: 'acme', rest: 'x/y' }],
    ['/{constructor}', '/x', { constructor: 'x' }],
    ['/orders/**', '/orders/1', {}],
  ])('%s captures from %s', (pattern, path, expected) => {
    const into: Record<string, string> = {}
    expect(compiled(pattern).matches(path)).toBe(true)
    compiled(pattern).capture(path, into)
    expect({ ...into }).toEqual(expected)
  })

  it('tells what it is made of', () => {
    expect(compiled('/t/{tenant}/*/files/{rest...}')).toMatchObject({
      pattern: '/t/{tenant}/*/files/{rest...}',
      captures: ['tenant', 'rest'],
      open: true,
      segments: [
        { kind: 'literal', text: 't' },
        { kind: 'one', name: 'tenant' },
        { kind: 'one', name: undefined },
        { kind: 'literal', text: 'files' },
      ],
    })
    expect(compiled('/')).toMatchObject({ captures: [], open: false, segments: [{ kind: 'literal', text: '' }] })
    expect(compiled('/**')).toMatchObject({ captures: [], open: true, segments: [] })
  })

  it.each([
    ['orders', 'a path begins with "/"'],
    ['', 'a path begins with "/"'],
    ['/a?x=1', 'without query; write it /a'],
    ['/a#x', 'without query; write it /a'],
    ['/a?x={id}', 'without query; write it /a'],
    ['/{id?}', '"{id?}" is no name'],
    ['/a/../b', 'are refused'],
    ['/a;b', 'are refused'],
    ['/a%2Fb', 'are refused'],
    ['/a%', 'are refused'],
    ['/%61', 'write it /a'],
    ['/a//b', 'write it /a/b'],
    ['/caf%c3%a9/{id}', 'write it /caf%C3%A9/{id}'],
    ['/ä/**', 'write it /%C3%A4/**'],
    ['/\ud800', 'write it /%EF%BF%BD'],
    ['/a b', 'write it /a%20b'],
    ['/a"<>[]^`|', 'write it /a%22%3C%3E%5B%5D%5E%60%7C'],
    ['/a*', '"a*" is no pattern: "*" stands for one whole segment'],
    ['/**/x', '"**" is no pattern'],
    ['/***', '"***" is no pattern'],
    ['/{rest...}/x', 'only at the end; write {rest}'],
    ['/{id}/{id}', 'two segments are called "id"'],
    ['/{id}/{id...}', 'two segments are called "id"'],
    ['/{id}.json', 'stands for one whole segment, as in /orders/{id}'],
    ['/{a}{b}', 'stands for one whole segment'],
    ['/{id', 'write a brace itself as %7B or %7D'],
    ['/id}', 'write a brace itself as %7B or %7D'],
    ['/{}', '"{}" is no name: write {id}'],
    ['/{Id}', 'is no name'],
    ['/{1a}', 'is no name'],
    ['/{_a}', 'is no name'],
    ['/{a-b}', 'is no name'],
    ['/{__proto__}', 'is no name'],
    ['/{*rest}', 'is no name'],
    ['/{rest..}', 'is no name'],
    ['/{id:[0-9]+}', 'pathRegex'],
    [`/{${'a'.repeat(33)}}`, 'at most 32 characters'],
  ])('%j is refused, saying what to write', (pattern, text) => {
    expect(compilePathPattern(pattern)).toEqual(expect.stringContaining(text))
  })

  it('takes names of 32 characters, with digits and "_"', () => {
    const name = `a_9${'z'.repeat(29)}`
    expect(compiled(`/{${name}}`).captures).toEqual([name])
  })

  it('that a refusal says to write is one', () => {
    const unit = fc.constantFrom(
      '/',
      '/',
      '*',
      '%',
      '6',
      '1',
      'é',
      ' ',
      '|',
      '?',
      '{a}',
      '{b...}',
      '\ud800',
      '"',
      '%7B',
    )
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 8 }), (text) => {
        const refusal = compilePathPattern(`/${text}`)
        fc.pre(typeof refusal === 'string')
        const written = /; write it (.+)$/.exec(refusal)?.[1]
        fc.pre(written !== undefined)
        const again = compilePathPattern(written)
        expect(again).not.toEqual(expect.stringContaining('can never match'))
      }),
    )
  })

  it('captures parts that make the path again', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '%C3%A9', '.', '-'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(text, text, fc.array(text, { maxLength: 3 }), (tenant, id, rest) => {
        const path = canonicalPath(['/t', tenant, 'orders', id, ...rest].join('/'))
        fc.pre(path !== undefined)
        const into: Record<string, string> = {}
        const pattern = compiled('/t/{tenant}/orders/{id}/{rest...}')
        expect(pattern.matches(path)).toBe(true)
        pattern.capture(path, into)
        expect(into).toEqual({ tenant, id, rest: rest.join('/') })
      }),
    )
  })
})
