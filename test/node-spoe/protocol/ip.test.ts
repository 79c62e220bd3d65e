import { isIP } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatIpv4, formatIpv6, parseIp } from '../../../node-spoe/src/protocol/ip.ts'

function v6(hex: string): string {
  return formatIpv6(Buffer.from(hex, 'hex'), 0)
}

test('IPv6 is written as RFC 5952 says', () => {
  expect(v6('20010db8000000000000000000000001')).toBe('2001:db8::1')
  expect(v6('00000000000000000000000000000000')).toBe('::')
  expect(v6('00000000000000000000000000000001')).toBe('::1')
  expect(v6('00010000000000000000000000000000')).toBe('1::')
  expect(v6('20010db8000000010001000100010001')).toBe('2001:db8:0:1:1:1:1:1')
  expect(v6('20010000000000010000000000000001')).toBe('2001:0:0:1::1')
  expect(v6('20010db8000000000001000000000001')).toBe('2001:db8::1:0:0:1')
})

test('an IPv4-mapped address is written as IPv4', () => {
  expect(v6('00000000000000000000ffffc000020a')).toBe('192.0.2.10')
})

test('what is no address is refused', () => {
  for (const bad of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    'fe80::1%eth0',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '1.2.3.4::',
    '::1.2.3',
    '1:2:3:4:5:6:7:8::',
    ' 1.2.3.4',
  ]) {
    expect(parseIp(bad), bad).toBeUndefined()
  }
  expect(parseIp('::ffff:1.2.3.4')).toEqual(Uint8Array.from(Buffer.from('00000000000000000000ffff01020304', 'hex')))
})

test('any address survives the round trip', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      expect(parseIp(formatIpv4(bytes, 0))).toEqual(bytes)
    }),
  )
  const group = fc.constantFrom(0, 0, 1, 0x2001, 0xffff)
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const bytes = Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255]))
      const text = formatIpv6(bytes, 0)
      const mapped = isIP(text) === 4
      expect(isIP(text)).not.toBe(0)
      expect(parseIp(text)).toEqual(mapped ? bytes.slice(12) : bytes)
    }),
  )
})

test('the parser agrees with node:net about arbitrary text', () => {
  const piece = fc.constantFrom('0', '1', 'ffff', '255', '256', '00', ':', '::', '.', 'g')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
      const text = pieces.join('')
      expect(parseIp(text) !== undefined, text).toBe(isIP(text) !== 0)
    }),
    { numRuns: 2000 },
  )
})
