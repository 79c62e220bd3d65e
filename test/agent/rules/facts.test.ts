import { expect, it } from 'vitest'
import { TOLD_ROLES } from '../../../agent/identity/identity.ts'
import { decide } from '../../../agent/rules/decide.ts'
import { canonicalHost, identityView } from '../../../agent/rules/facts.ts'
import { evidenceOf } from '../identity/support/evidence.ts'
import { authenticatorOf, identityOf, requestOf, rulesOf } from './support.ts'

it.each([
  ['WWW.Example.com', 'www.example.com'],
  ['www.example.com:8443', 'www.example.com'],
  ['www.example.com.', 'www.example.com'],
  ['www.example.com.:443', 'www.example.com'],
  ['192.0.2.1:80', '192.0.2.1'],
  ['[::1]:8443', '[::1]'],
  ['my_host', 'my_host'],
  [undefined, ''],
  ['', ''],
])('the host of %j is %j', (header, host) => {
  expect(canonicalHost(header)).toBe(host)
})

it.each([
  'a:80:80',
  '%61dmin.example.com',
  'u@a.example.com',
  'a.example.com/',
  'a.example.com, b',
  'a..b',
  '.a',
  'a b',
  'a.example.com..',
  '[::1',
  'a:',
  'é',
])('nobody can say what host %j names', (header) => {
  expect(canonicalHost(header)).toBeUndefined()
})

it('rules see every role, servers behind are told of the first ones that hold no comma', () => {
  const roles = ['a,b', ...Array.from({ length: 80 }, (_, i) => `role-${i}`)]
  const view = identityView(identityOf({ roles }))
  expect(view.roles).toEqual(roles)
  expect(view.joinedRoles).toBe(roles.slice(1, TOLD_ROLES + 1).join())
})

it('a rule denies by a role that stands behind many others', () => {
  const rules = rulesOf(`rules:
  - { name: out, match: { path: "/**", when: '"suspended" in identity.roles' }, identity: { require: corp }, deny: 403 }
  - { name: in, match: { path: "/**" }, identity: { require: corp } }
`)
  const roles = Array.from({ length: 200 }, (_, i) => `role-${i}`)
  const ruleFor = (held: string[]): unknown => {
    const auth = authenticatorOf({ ok: true, identity: identityOf({ roles: held }) })
    return decide(rules, auth, requestOf('GET', '/x'), evidenceOf())
  }
  expect(ruleFor([...roles, 'suspended'])).toMatchObject({ allow: false, rule: { name: 'out' } })
  expect(ruleFor(roles)).toMatchObject({ allow: true, rule: { name: 'in' } })
})
