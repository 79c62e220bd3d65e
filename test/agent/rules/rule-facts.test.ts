import { expect, it } from 'vitest'
import { connectionOf } from '../../../agent/rules/rule-facts.ts'
import { evidenceOf } from '../identity/support/evidence.ts'

it.each([
  ['ADMIN.example.com.', 'admin.example.com'],
  ['admin.example.com.', 'admin.example.com'],
  ['Admin.Example.com', 'admin.example.com'],
  ['admin.example.com', 'admin.example.com'],
  // One dot ends a name, two are none.
  ['admin.example.com..', 'admin.example.com.'],
  ['.', ''],
  ['', ''],
  [undefined, ''],
])('the server name %j is %j to rules', (sni, name) => {
  expect(connectionOf(evidenceOf(sni === undefined ? {} : { sni })).sni).toBe(name)
})
