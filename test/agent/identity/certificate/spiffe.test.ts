import { expect, it } from 'vitest'
import { parseSpiffeId } from '../../../../agent/identity/certificate/spiffe.ts'

it.each([
  ['spiffe://example.org/a', 'example.org', ['a']],
  ['spiffe://staging.example.com/payments/web-fe', 'staging.example.com', ['payments', 'web-fe']],
  ['spiffe://k8s-west.example.com/ns/staging/sa/default', 'k8s-west.example.com', ['ns', 'staging', 'sa', 'default']],
  ['spiffe://a_b-c.1/A.b_C-9/...', 'a_b-c.1', ['A.b_C-9', '...']],
])('reads %s', (id, trustDomain, segments) => {
  expect(parseSpiffeId(id)).toEqual({ trustDomain, segments })
})

it.each([
  ['the ID of a trust domain itself', 'spiffe://example.org'],
  ['a slash at the end', 'spiffe://example.org/a/'],
  ['only a slash', 'spiffe://example.org/'],
  ['an empty segment', 'spiffe://example.org/a//b'],
  ['a dot segment', 'spiffe://example.org/a/./b'],
  ['a segment that leads up', 'spiffe://example.org/a/../b'],
  ['percent-encoding', 'spiffe://example.org/%61'],
  ['a port', 'spiffe://example.org:443/a'],
  ['a user', 'spiffe://user@example.org/a'],
  ['a query', 'spiffe://example.org/a?x=y'],
  ['a fragment', 'spiffe://example.org/a#x'],
  ['no trust domain', 'spiffe:///a'],
  ['capitals in the trust domain', 'spiffe://Example.org/a'],
  ['capitals in the scheme', 'SPIFFE://example.org/a'],
  ['another scheme', 'https://example.org/a'],
  ['one slash', 'spiffe:/example.org/a'],
  ['a letter outside ASCII', 'spiffe://example.org/é'],
  ['a comma', 'spiffe://example.org/a,b'],
  ['a line end', 'spiffe://example.org/a\n'],
  ['a trust domain of 256 characters', `spiffe://${'a'.repeat(256)}/a`],
  ['1025 characters', `spiffe://example.org/${'a'.repeat(1004)}`],
])('refuses %s', (_what, id) => {
  expect(parseSpiffeId(id)).toBeUndefined()
})
