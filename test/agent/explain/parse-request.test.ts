import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { addressOf, requestOf } from '../../../agent/explain/parse-request.ts'
import { argumentsOf } from '../../../agent/explain/question.ts'
import { tempFolder } from '../../support/folder.ts'

it('leaves the path as it was sent', () => {
  expect(requestOf({ request: 'PUT https://x.example.com:8443/a/../%61//b;c?x=%20&y#z' })).toMatchObject({
    method: 'PUT',
    host: 'x.example.com:8443',
    path: '/a/../%61//b;c',
    query: 'x=%20&y',
    tls: true,
    sni: 'x.example.com',
  })
  expect(requestOf({ request: 'http://[::1]:8080' })).toMatchObject({ method: 'GET', path: '/', tls: false, sni: '' })
})

it("gives HAProxy's arguments: of several fields the last one, and how many there are", () => {
  const header = ['X-A: 1', 'x-a:  2 ', 'Authorization: Bearer a', 'authorization: Bearer b', 'host: other']
  const request = requestOf({ request: 'https://x/', header })
  expect(request.host).toBe('other')
  expect(Object.fromEntries(argumentsOf(request))).toMatchObject({
    h_x_a: '2',
    n_x_a: 2,
    auth: 'Bearer b',
    auth_count: 2,
    method: 'GET',
    host: 'other',
    tls: true,
    tls_version: 'TLSv1.3',
    src: '127.0.0.1',
    cert_used: false,
  })
})

it('texts are bytes, as they come over the wire', () => {
  expect(requestOf({ request: 'https://x/ü', header: ['x-a: ü'] })).toMatchObject({
    path: '/\u00c3\u00bc',
    headers: [['x-a', '\u00c3\u00bc']],
  })
})

it('a token comes from a file, without its line feed', () => {
  const tokenFile = join(tempFolder(), 'token')
  writeFileSync(tokenFile, 'abc\n')
  expect(requestOf({ request: 'https://x/', tokenFile }).headers).toEqual([['authorization', 'Bearer abc']])
})

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8:0::1', '2001:db8::1'],
])('the address %s is %s', (given, address) => {
  expect(addressOf(given)).toBe(address)
})

it.each([
  [{ request: 'api.example.com/orders' }, /--request is/],
  [{ request: 'ftp://x/' }, /--request is/],
  [{ request: 'https://user:pass@x/' }, /holds a user/],
  [{ request: 'https://x/', header: ['nothing'] }, /--header is/],
  [{ request: 'https://x/', source: '1.2.3' }, /no IP address/],
  [{ request: 'https://x/', at: 'tomorrow' }, /--at is a time/],
  [{ request: 'https://x/', at: '5' }, /--at is a time/],
  [{ request: 'https://x/', tokenFile: '/none' }, /cannot read \/none: ENOENT/],
  [{ request: 'https://x/', cert: new URL(import.meta.url).pathname }, /holds no certificate/],
  [{ request: 'https://x/', token: 'a', tokenFile: 'b' }, /not both/],
])('refuses %j', (options, message) => {
  expect(() => requestOf(options)).toThrow(message)
})
