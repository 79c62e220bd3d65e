import { expect, it } from 'vitest'
import { canonicalHost } from '../../../agent/rules/facts.ts'

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
