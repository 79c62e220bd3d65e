import { expect, it } from 'vitest'
import { compiled, refused } from './cel-support.ts'

it.each([
  ['request.tls', 'bool'],
  ['size(request.path)', 'string'],
  ['request.path', 'int'],
  ['request.path', 'list'],
  ['identity.claims.a', 'bool'],
] as const)('%s is no %s', (source, wanted) => {
  const { message, hint } = refused(source, wanted)
  expect(message).toMatch(source === 'request.tls' ? 'No such key' : `where ${wanted} is needed`)
  expect(hint).toMatch(/[.?]$/)
})

it.each([
  ['connection.tls', 'bool'],
  ['request.path', 'string'],
  ['size(request.path)', 'int'],
  ['verdict.limit', 'int'],
  ['identity.roles', 'list'],
  ['["a", request.path]', 'list'],
  ['[1, 2]', 'list'],
  ['identity.claims.a', 'int'],
  ['identity.claims.a', 'list'],
  ['ip(connection.source)', 'any'],
] as const)('%s passes for %s', (source, wanted) => {
  expect(compiled(source, wanted).cost).toBeGreaterThan(0)
})

it('costs as many parts as it has, those of a loop a hundred times', () => {
  expect(compiled('request.path == "/"').cost).toBe(3)
  expect(compiled('identity.roles.exists(r, r == "a")').cost).toBe(302)
})
