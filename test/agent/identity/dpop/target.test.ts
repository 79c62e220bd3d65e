import fc from 'fast-check'
import { expect, it } from 'vitest'
import { normalUrl } from '../../../../agent/identity/dpop/target.ts'

it.each([
  ['HTTP://Example.COM', 'http://example.com/'],
  ['http://example.com:80/', 'http://example.com/'],
  ['https://example.com:443', 'https://example.com/'],
  ['https://example.com:0443/', 'https://example.com/'],
  ['https://example.com:', 'https://example.com/'],
  ['https://example.com:80/', 'https://example.com:80/'],
  ['http://example.com:443/', 'http://example.com:443/'],
  ['https://[2001:DB8::1]:8443/a', 'https://[2001:db8::1]:8443/a'],
  ['https://example.com/%7euser/%2f%3A/%e2%82%ac', 'https://example.com/~user/%2F%3A/%E2%82%AC'],
  ["https://example.com/a;b=c,d@e:f!$&'()*+", "https://example.com/a;b=c,d@e:f!$&'()*+"],
  ['https://example.com/?q#f', 'https://example.com/'],
  ['https://example.com?q', 'https://example.com/'],
])('%s in normal form is %s', (url, normal) => {
  expect(normalUrl(url)).toBe(normal)
  expect(normalUrl(normal)).toBe(normal)
})

it.each([
  'ftp://example.com/',
  'https://',
  'https:///a',
  'https://user:password@example.com/',
  'https://example.com:123456/',
  'https://example.com:x/',
  'https://exa mple.com/',
  'https://example.com/a b',
  'https://example.com/%',
  'https://example.com/%zz',
  'https://example.com/\u0000',
  'https://example.com/é',
  'https://example.com\\@evil.example/',
  'https://[::1/',
  'https://[::1]x/',
  'https://example.com/\n',
  'https://example.com/?\n',
])('%j has none', (url) => {
  expect(normalUrl(url)).toBeUndefined()
})

it('no text throws, and what is in normal form stays so', () => {
  const piece = fc.constantFrom(
    'https://',
    'HTTP://',
    'Example.com',
    '[::1]',
    ':443',
    ':80',
    '/',
    'a',
    '%41',
    '%2f',
    '%',
    '?',
    '#',
    '..',
    '@',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 10 }), (pieces) => {
      const normal = normalUrl(pieces.join(''))
      if (normal !== undefined) expect(normalUrl(normal)).toBe(normal)
    }),
  )
})
