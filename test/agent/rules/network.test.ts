import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalAddress } from '../../../agent/rules/network-entry.ts'
import { compileNetworks, type NetworkMatcher } from '../../../agent/rules/network.ts'

function compile(...list: string[]): NetworkMatcher {
  const matcher = compileNetworks(list)
  if (typeof matcher === 'string') throw new Error(matcher)
  return matcher
}

describe('compileNetworks', () => {
  it('finds addresses of both families in networks and as they are', () => {
    const matches = compile('10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1')
    const inside = ['10.0.0.0', '10.255.255.255', '192.0.2.7', '2001:db8::', '2001:DB8:ffff::1', '0:0:0:0:0:0:0:1']
    const outside = ['9.255.255.255', '11.0.0.0', '192.0.2.8', '2001:db7:ffff::', '2001:db9::', '::2', '::']
    expect(inside.filter((address) => !matches(address))).toEqual([])
    expect(outside.filter((address) => matches(address))).toEqual([])
  })

  it('takes out what is excluded, in whatever order the list stands', () => {
    for (const list of [
      ['10.0.0.0/8', '!10.9.0.0/16', '10.9.1.0/24'],
      ['10.9.1.0/24', '!10.9.0.0/16', '10.0.0.0/8'],
    ]) {
      const matches = compile(...list)
      expect(['10.8.0.1', '10.9.1.1', '11.0.0.1'].map(matches)).toEqual([true, false, false])
    }
  })

  it('matches all other addresses when the list only excludes', () => {
    const matches = compile('!10.0.0.0/8', '!2001:db8::/32')
    expect(['10.1.1.1', '192.0.2.1', '2001:db8::1', '2001:db9::1'].map(matches)).toEqual([false, true, false, true])
  })

  it('matches nothing that is no address, even when the list only excludes', () => {
    for (const matches of [compile('!10.0.0.0/8'), compile('0.0.0.0/0', '::/0')]) {
      const none = ['', 'localhost', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', ' 1.2.3.4', '1.2.3.4 ', '1..2.3']
      none.push('fe80::1%eth0', '::1::', ':1', '1:', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '[::1]', ':::')
      none.push('::1.2.3', '1.2.3.4::', '::1.2.3.4:5', '1:2:3:4:5:6:7:1.2.3.4', '::g', '1:2:3:4:5:6:7:8::', '0x1.2.3.4')
      expect(none.filter((text) => matches(text))).toEqual([])
    }
  })

  it('takes IPv4-mapped addresses and networks for IPv4', () => {
    const matches = compile('10.0.0.0/8', '::ffff:192.0.2.0/120')
    expect(['::ffff:10.1.1.1', '::FFFF:a01:101', '192.0.2.9', '::ffff:192.0.3.9'].map(matches)).toEqual([
      true,
      true,
      true,
      false,
    ])
    expect(compile('::/0')('10.1.1.1')).toBe(false)
    expect(compile('0.0.0.0/0')('::1')).toBe(false)
  })

  it.each([
    ['10.1.2.3/8', '"10.1.2.3/8" has bits beyond the prefix: write 10.0.0.0/8'],
    ['!10.1.2.3/8', '"!10.1.2.3/8" has bits beyond the prefix: write !10.0.0.0/8'],
    ['2001:db8:0:0:1::/32', '"2001:db8:0:0:1::/32" has bits beyond the prefix: write 2001:db8::/32'],
    ['10.0.0.0/33', '"10.0.0.0/33" has no prefix length from 0 to 32 behind the "/"'],
    ['10.0.0.0/08', '"10.0.0.0/08" has no prefix length from 0 to 32 behind the "/"'],
    ['::/', '"::/" has no prefix length from 0 to 128 behind the "/"'],
    ['10.0.0.0/255.0.0.0', '"10.0.0.0/255.0.0.0" has a network mask: write 10.0.0.0/8'],
    ['10.0.0.1/255.255.255.255', '"10.0.0.1/255.255.255.255" has a network mask: write 10.0.0.1/32'],
    ['0.0.0.0/0.0.0.0', '"0.0.0.0/0.0.0.0" has a network mask: write 0.0.0.0/0'],
    ['fe80::1%eth0', '"fe80::1%eth0" has a zone id, which means something on one machine only: write fe80::1'],
    ['10/8', '"10/8" is no IPv4 address: write 10.0.0.0/8'],
    ['192.168', '"192.168" is no IPv4 address: write 192.168.0.0/16'],
    ['010.0.0.1', '"010.0.0.1" is no IPv4 address: write 10.0.0.1'],
    ['10.0.0.1:80', '"10.0.0.1:80" has a port: write 10.0.0.1'],
    ['[::1]', '"[::1]" has brackets: write ::1'],
    [' 10.0.0.1', '" 10.0.0.1" has blanks: write 10.0.0.1'],
  ])('says what to write instead of %s', (entry, message) => {
    expect(compileNetworks(['192.0.2.1', entry])).toBe(message)
  })

  it.each([
    'localhost',
    '',
    '!',
    '!!10.0.0.1',
    '1.2.3.4.5',
    '10.0.0.1-10.0.0.9',
    '300.1.1.1',
    '10.0.0.0/255.0.255.0',
    '::g',
  ])('names the entry "%s" and shows how an entry looks', (entry) => {
    expect(compileNetworks([entry])).toMatch(/^".*" .*write an address or a network, such as 192\.0\.2\.7/)
  })

  it('refuses an empty list', () => {
    expect(compileNetworks([])).toContain('empty')
  })

  it('agrees with BlockList of Node on random networks', () => {
    const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }))
    // Neighbours, where a border that is off by one shows.
    const last = fc.integer({ min: 0, max: 15 })
    const near4 = last.map((n) => `10.0.0.${n}`)
    const near6 = last.map((n) => `2001:db8::${n.toString(16)}`)
    const near = fc.oneof(
      fc.tuple(near4, fc.integer({ min: 28, max: 32 })),
      fc.tuple(near6, fc.integer({ min: 124, max: 128 })),
    )
    const some = (network: fc.Arbitrary<[string, number]>, maxLength: number) =>
      fc.array(fc.record({ network, excluded: fc.boolean() }), { minLength: 1, maxLength })
    fc.assert(
      fc.property(
        fc.oneof(some(fc.oneof(v4, v6), 60), some(near, 6)),
        fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), near4, near6), { maxLength: 40 }),
        (entries, addresses) => {
          // One for each family: that of Node takes ::/0 to hold IPv4 too.
          const lists = { ipv4: [new BlockList(), new BlockList()], ipv6: [new BlockList(), new BlockList()] } as const
          const list = entries.map(({ network: [address, bits], excluded: out }) => {
            const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
            lists[family][out ? 1 : 0].addSubnet(address, bits, family)
            const text = `${out ? '!' : ''}${address}/${bits}`
            const said = compileNetworks([text])
            return typeof said === 'string' ? (/ write (\S+)$/.exec(said)?.[1] ?? said) : text
          })
          const matches = compile(...list)
          const open = entries.every((one) => one.excluded)
          // What lies next to a border tells more than what lies anywhere.
          const probes = [...addresses, ...entries.map(({ network: [address] }) => address), ...list.map(addressOf)]
          for (const address of probes.filter((probe) => !/^(?:0*:)*:?ffff:/i.test(probe))) {
            const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
            const [plain, excluded] = lists[family]
            const expected = (open || plain.check(address, family)) && !excluded.check(address, family)
            if (matches(address) !== expected) throw new Error(`${address} in ${list.join(' ')}: not ${expected}`)
          }
        },
      ),
      { numRuns: 300 },
    )
    expect.assertions(0)
  })

  it('reads every way that an IPv6 address can be written', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(compile(text)(new URL(`http://[${text}]/`).hostname.slice(1, -1))).toBe(true)
        expect(compile(new URL(`http://[${text}]/`).hostname.slice(1, -1))(text)).toBe(true)
      }),
    )
  })

  it('takes for an address what Node takes for one, zone ids apart', () => {
    const matches = compile('0.0.0.0/0', '::/0')
    const almost = fc.string({
      unit: fc.constantFrom('0', '1', 'f', '25', '255', ':', '::', '.', '.', ':'),
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.oneof(almost, fc.string()), (text) => {
        expect(matches(text)).toBe(isIP(text) !== 0 && !text.includes('%'))
      }),
      { numRuns: 3000 },
    )
  })

  it('holds ten thousand entries, each found and none of its neighbours', () => {
    const third = Array.from({ length: 10_000 }, (_, i) => `10.${(i * 2) >> 8}.${(i * 2) & 255}.0`)
    const matches = compile(...third.map((address) => `${address}/24`))
    const neighbour = (i: number): string => `10.${(i * 2 + 1) >> 8}.${(i * 2 + 1) & 255}.255`
    expect(third.every((address) => matches(address))).toBe(true)
    expect(third.some((_, i) => matches(neighbour(i)))).toBe(false)
  })
})

describe('canonicalAddress', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:DB8:0:0:0::01', '2001:db8::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['10.0.0.0/8', undefined],
    ['localhost', undefined],
    ['', undefined],
  ])('makes of %s %s', (text, address) => {
    expect(canonicalAddress(text)).toBe(address)
  })
})

function addressOf(entry: string): string {
  return entry.replace(/^!/, '').replace(/\/.*$/, '')
}
