import { describe, expect, it } from 'vitest'
import { type Identity, identityOf } from '../../../agent/identity/identity.ts'
import { NO_VERDICT } from '../../../agent/rules/facts.ts'
import type { VerdictInput } from '../../../agent/verdicts/verdict.ts'
import { LATE_MS, VerdictTable } from '../../../agent/verdicts/verdict-table.ts'

const START = 1_800_000_000_000

const alice = identityOf({
  provider: 'oidc',
  method: 'jwt',
  issuer: 'https://issuer.example',
  subject: 'alice',
  tenant: 'acme',
  session: 's1',
  credentialId: 'jti-1',
  digest: 'digest-1',
  twinDigest: 'digest-2',
  confirmation: { x5t: 'certificate-1' },
})
const SOURCE = '192.0.2.7'

class Clock {
  ms = START
  readonly now = (): number => this.ms
}

function setUp(maxEntries?: number): {
  table: VerdictTable
  clock: Clock
  put: (input: Partial<VerdictInput>) => string
} {
  const clock = new Clock()
  const table = new VerdictTable({ now: clock.now, ...(maxEntries !== undefined && { maxEntries }) })
  const put = (input: Partial<VerdictInput>): string =>
    table.put({ scope: 'tenant', key: 'acme', block: true, expiresAt: clock.ms + 60_000, ...input })
  return { table, clock, put }
}

describe('VerdictTable.lookup', () => {
  it('gives one object for nothing known, whatever is asked', () => {
    const { table, put } = setUp()
    expect([table.lookup(undefined, ''), table.lookup(alice, SOURCE, 'k')]).toEqual([NO_VERDICT, NO_VERDICT])
    put({ key: 'other' })
    expect(table.lookup(alice, SOURCE)).toBe(NO_VERDICT)
    expect([table.lookup(undefined, ''), table.hits]).toEqual([NO_VERDICT, 0])
  })

  it.each<Partial<VerdictInput>>([
    { scope: 'credential', key: 'jti-1' },
    { scope: 'credential', key: 'digest-1' },
    { scope: 'credential', key: 'digest-2' },
    { scope: 'credential', key: 'certificate-1' },
    { scope: 'session', key: 's1' },
    { scope: 'subject', key: 'alice', provider: 'oidc' },
    { scope: 'tenant', key: 'acme' },
    { scope: 'tenant', key: 'acme', provider: 'oidc' },
    { scope: 'source', key: SOURCE },
    { scope: 'source', key: `::ffff:${SOURCE}` },
    { scope: 'key', key: 'order 7' },
  ])('finds what %j says, the same object each time', (ref) => {
    const { table, put } = setUp()
    expect(put(ref)).toBe('kept')
    const found = table.lookup(alice, SOURCE, 'order 7')
    expect(found.block).toBe(true)
    expect(table.lookup(alice, SOURCE, 'order 7')).toBe(found)
    expect([table.hits, table.entries, table.puts]).toEqual([2, 1, 1])
  })

  it.each<Partial<VerdictInput>>([
    { scope: 'credential', key: 'jti-2' },
    { scope: 'subject', key: 'alice', provider: 'other' },
    { scope: 'tenant', key: 'acme', provider: 'other' },
    { scope: 'tenant', key: 'alice' },
    { scope: 'session', key: 'acme' },
    { scope: 'source', key: '192.0.2.8' },
    { scope: 'key', key: 'order 8' },
  ])('does not take %j for this caller', (ref) => {
    const { table, put } = setUp()
    expect(put(ref)).toBe('kept')
    expect(table.lookup(alice, SOURCE, 'order 7')).toBe(NO_VERDICT)
  })

  it('finds an IPv6 address however it was written', () => {
    const { table, put } = setUp()
    put({ scope: 'source', key: '2001:DB8:0::1' })
    expect(table.lookup(undefined, '2001:db8::1').block).toBe(true)
  })

  it('does not take a caller who names no session or tenant for anybody', () => {
    const { table, put } = setUp()
    put({ scope: 'session', key: 'x' })
    const nobody: Identity = identityOf({ provider: 'oidc', method: 'jwt', issuer: 'i', subject: 's', digest: 'd' })
    expect(table.lookup(nobody, '')).toBe(NO_VERDICT)
  })

  it('takes the route from the most specific one, from key over credential, session, subject and tenant to source', () => {
    const { table, put } = setUp()
    const refs = [
      { scope: 'source', key: SOURCE },
      { scope: 'tenant', key: 'acme' },
      { scope: 'tenant', key: 'acme', provider: 'oidc' },
      { scope: 'subject', key: 'alice', provider: 'oidc' },
      { scope: 'session', key: 's1' },
      { scope: 'credential', key: 'jti-1' },
      { scope: 'credential', key: 'digest-1' },
      { scope: 'key', key: 'order 7' },
    ] as const
    for (const [i, ref] of refs.entries()) {
      put({ ...ref, route: `route-${i}`, block: i === 1, reason: `reason-${i}`, limit: 100 - i, tags: [`tag-${i}`] })
      expect(table.lookup(alice, SOURCE, 'order 7').route).toBe(`route-${i}`)
    }
    const all = table.lookup(alice, SOURCE, 'order 7')
    expect([all.block, all.reason, all.limit, all.tags.length]).toEqual([true, 'reason-1', 93n, refs.length])
  })

  it('takes what is said for the provider before what is said for all, in whatever order it came', () => {
    for (const order of [
      [undefined, 'oidc'],
      ['oidc', undefined],
    ]) {
      const { table, put } = setUp()
      for (const provider of order) put({ provider, route: provider ?? 'all', tags: [provider ?? 'all'] })
      expect([table.lookup(alice, '').route, table.lookup(alice, '').tags]).toEqual(['oidc', ['oidc', 'all']])
      table.remove({ scope: 'tenant', key: 'acme', provider: 'oidc' })
      expect(table.lookup(alice, '').route).toBe('all')
    }
  })

  it('makes no garbage when nothing or one thing is said', () => {
    const { table, put } = setUp()
    put({ scope: 'subject', key: 'alice', provider: 'oidc', limit: 7 })
    put({ scope: 'source', key: '192.0.2.1' })
    put({ scope: 'credential', key: 'x' })
    let blocked = 0
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) if (table.lookup(i % 2 === 0 ? alice : undefined, SOURCE).block) blocked++
    }
    run(300_000)
    // The compiler allocates too, now and then: garbage would be there every time.
    const grown = Array.from({ length: 5 }, () => {
      const before = process.memoryUsage().heapUsed
      run(300_000)
      return process.memoryUsage().heapUsed - before
    })
    // 16 bytes each, the smallest object there is, would be 4.8 million.
    expect(Math.min(...grown.filter((bytes) => bytes >= 0))).toBeLessThan(1_000_000)
    expect(blocked).toBe(900_000)
  })
})

describe('VerdictTable.put', () => {
  it('ignores what is older than what it knows, and takes the same again', () => {
    const { table, put } = setUp()
    expect([put({ version: 2, route: 'two' }), put({ version: 1, route: 'one' }), put({ route: 'none' })]).toEqual([
      'kept',
      'older',
      'older',
    ])
    expect(table.lookup(alice, '').route).toBe('two')
    expect([put({ version: 2, route: 'again' }), table.lookup(alice, '').route]).toEqual(['kept', 'again'])
    expect([table.puts, table.ignored, table.entries]).toEqual([2, 2, 1])
  })

  it('keeps versions of each key, scope and provider apart', () => {
    const { put } = setUp()
    put({ version: 9 })
    expect([put({ key: 'b', version: 1 }), put({ provider: 'oidc' }), put({ scope: 'session', version: 1 })]).toEqual([
      'kept',
      'kept',
      'kept',
    ])
  })

  it('says nothing any more once the time of a verdict is over, and nothing older brings it back', () => {
    const { table, clock, put } = setUp()
    put({ version: 5, expiresAt: START + 1000 })
    clock.ms += 999
    expect(table.lookup(alice, '').block).toBe(true)
    clock.ms += 1
    expect(table.lookup(alice, '')).toBe(NO_VERDICT)
    table.sweep()
    expect([put({ version: 4 }), table.lookup(alice, ''), table.entries]).toEqual(['older', NO_VERDICT, 1])
    clock.ms += LATE_MS
    table.sweep()
    expect(table.entries).toBe(0)
  })

  it('lets a newer verdict that is over already take the place of one in force', () => {
    const { table, clock, put } = setUp()
    put({ version: 1 })
    expect([put({ version: 2, expiresAt: clock.ms }), table.lookup(alice, ''), put({ version: 1 })]).toEqual([
      'expired',
      NO_VERDICT,
      'older',
    ])
    expect([put({ key: 'x', expiresAt: 5 }), table.entries, table.ignored]).toEqual(['expired', 1, 3])
  })

  it('refuses what is none, without throwing', () => {
    const { table, put } = setUp()
    expect([put({ key: '' }), put({ scope: 'subject' }), put({ limit: 0 })]).toEqual(['invalid', 'invalid', 'invalid'])
    for (const none of [undefined, null, 1, 'a', [], {}]) {
      expect(table.put(none as unknown as VerdictInput)).toBe('invalid')
      expect(table.remove(none as unknown as VerdictInput)).toBe('invalid')
    }
    expect([table.ignored, table.entries, table.puts]).toEqual([15, 0, 0])
  })

  it('forgets what would be over soonest when it is full, and counts what was in force', () => {
    const { table, clock, put } = setUp(2)
    put({ key: 'long', expiresAt: START + 9000 })
    put({ key: 'short', expiresAt: START + 1000 })
    put({ key: 'middle', expiresAt: START + 5000 })
    const known = (): string[] =>
      ['long', 'short', 'middle', 'next'].filter((key) => {
        const identity = identityOf({ ...alice, tenant: key })
        return table.lookup(identity, '').block
      })
    expect([known(), table.entries, table.evicted]).toEqual([['long', 'middle'], 2, 1])
    clock.ms += 6000
    put({ key: 'next' })
    expect([known(), table.entries, table.evicted]).toEqual([['long', 'next'], 2, 1])
  })

  it('lets a verdict live longer or shorter than it said first', () => {
    const { table, clock, put } = setUp()
    put({ expiresAt: START + 1000 })
    put({ expiresAt: START + 3000 })
    clock.ms = START + 2000
    table.sweep()
    expect([table.lookup(alice, '').block, table.entries]).toEqual([true, 1])
    put({ expiresAt: START + 2500 })
    clock.ms = START + 2600
    table.sweep()
    expect([table.lookup(alice, '').block, table.entries]).toEqual([false, 0])
    clock.ms = START + 3100
    expect([table.sweep(), table.entries]).toEqual([false, 0])
  })

  it('stays bounded and right when one key is put again and again', () => {
    const { table, clock, put } = setUp(3)
    for (let i = 0; i < 20_000; i++) put({ expiresAt: START + 60_000 + i })
    put({ key: 'b', expiresAt: START + 90_000 })
    expect([table.entries, table.evicted, table.lookup(alice, '').block]).toEqual([2, 0, true])
    clock.ms = START + 80_000
    table.sweep()
    expect(table.entries).toBe(1)
  })

  it('sweeps in parts', () => {
    const { table, clock, put } = setUp()
    for (let i = 0; i < 2500; i++) put({ key: `k${i}` })
    clock.ms += 120_000
    expect([table.sweep(), table.entries]).toEqual([true, 1500])
    expect([table.sweep(), table.sweep(), table.sweep(), table.entries]).toEqual([true, false, false, 0])
  })
})

describe('VerdictTable.remove', () => {
  it('takes a verdict out, and leaves others of the key alone', () => {
    const { table, put } = setUp()
    put({})
    put({ provider: 'oidc', route: 'a' })
    expect(table.remove({ scope: 'tenant', key: 'acme', provider: 'oidc' })).toBe('kept')
    expect([table.lookup(alice, '').route, table.lookup(alice, '').block, table.entries]).toEqual(['', true, 1])
    expect([table.remove({ scope: 'tenant', key: 'acme' }), table.entries]).toEqual(['kept', 0])
    expect(table.remove({ scope: 'tenant', key: 'acme' })).toBe('kept')
  })

  it('forgets a verdict once, whatever times it had', () => {
    const { table, clock, put } = setUp()
    for (const lasts of [1000, 2000, 1000]) put({ expiresAt: START + lasts })
    put({ key: 'b', expiresAt: START + 1000 })
    table.remove({ scope: 'tenant', key: 'b' })
    put({ key: 'b', expiresAt: START + 9000 })
    clock.ms += 5000
    table.sweep()
    expect(table.entries).toBe(1)
    expect(table.lookup(identityOf({ ...alice, tenant: 'b' }), '').block).toBe(true)
  })

  it('with a version, leaves what is newer and holds off what is older and late', () => {
    const { table, clock, put } = setUp()
    put({ version: 3 })
    expect(table.remove({ scope: 'tenant', key: 'acme', version: 2 })).toBe('older')
    expect(table.lookup(alice, '').block).toBe(true)
    expect(table.remove({ scope: 'tenant', key: 'acme', version: 4 })).toBe('kept')
    expect([table.lookup(alice, ''), put({ version: 3 }), put({ version: 5 })]).toEqual([NO_VERDICT, 'older', 'kept'])
    // It may come before what it is about.
    table.remove({ scope: 'session', key: 's1', version: 7 })
    expect(put({ scope: 'session', key: 's1', version: 6 })).toBe('older')
    clock.ms += LATE_MS
    table.sweep()
    expect(table.entries).toBe(0)
  })
})
