import { hash, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Identity, identityOf } from '../../../agent/identity/identity.ts'
import { Revocations } from '../../../agent/identity/revocation/revocations.ts'
import type { VerdictInput } from '../../../agent/verdicts/verdict.ts'
import { VerdictTable } from '../../../agent/verdicts/verdict-table.ts'
import { twinOf } from '../identity/support/twins.ts'
import { FakeClock, memoryLog } from '../identity/support/provider.ts'
import { setUp } from '../identity/support/setup.ts'
import { signToken, testKey } from '../identity/support/tokens.ts'

const key = testKey('ES256')
const DIGEST = hash('sha256', 'a certificate', 'base64url')

function tableAt(clock: FakeClock, maxEntries = 1000) {
  const revocations = new Revocations(
    { onUnavailable: 'ignore', maxEntries },
    { now: clock.now, monotonicMs: clock.now, log: memoryLog() },
  )
  const table = new VerdictTable({ now: clock.now, revocations: () => revocations })
  const put = (input: Partial<VerdictInput>): string =>
    table.put({ scope: 'session', key: 's1', revoke: true, expiresAt: clock.ms + 60_000, ...input })
  return { table, revocations, put, isRevoked: (known: Partial<Identity>) => revocations.isRevoked(identity(known)) }
}

function identity(known: Partial<Identity>): Identity {
  const who = { provider: 'corp', method: 'jwt', issuer: 'https://a.example', subject: 'alice', digest: 'd' } as const
  return identityOf({ ...who, ...known })
}

describe('a verdict that revokes', () => {
  it.each<[string, (of: { token: string; id: string; now: number }) => Partial<VerdictInput>]>([
    ['id', ({ id }) => ({ scope: 'credential', key: id })],
    ['digest', ({ token }) => ({ scope: 'credential', key: hash('sha256', token, 'base64url') })],
    ['digest under its other signature', ({ token }) => ({ scope: 'credential', key: digestOfTwin(token) })],
    ['session', () => ({ scope: 'session', key: 'sid-1', provider: 'corp' })],
    ['subject', () => ({ scope: 'subject', key: 'user-1', provider: 'corp' })],
    [
      'subject and time',
      ({ now }) => ({ scope: 'subject', key: 'user-1', provider: 'corp', issuedBefore: now + 1000 }),
    ],
  ])('has a token that is cached refused at the next request, by its %s', async (_, said) => {
    const clock = new FakeClock()
    const { table, revocations, put } = tableAt(clock)
    await using setup = await setUp([key], {}, { checks: [(caller) => revocations.check(caller)] })
    const id = randomUUID()
    const token = signToken(key, setup.claims({ jti: id, sid: 'sid-1' }))
    expect(await setup.check(token)).toMatchObject({ ok: true })
    const hit = setup.check(token)
    expect(hit).not.toBeInstanceOf(Promise)

    const input = said({ token, id, now: clock.ms })
    expect(put(input)).toBe('kept')
    expect(setup.check(token)).toMatchObject({ ok: false, reason: 'revoked' })

    const { scope = 'session', key: name = '', provider } = input
    table.remove({ scope, key: name, provider })
    expect(setup.check(token)).toBe(hit)
  })

  it('has tokens refused that are bound to a certificate', () => {
    const { put, isRevoked } = tableAt(new FakeClock())
    put({ scope: 'credential', key: DIGEST })
    expect([isRevoked({ confirmation: { x5t: DIGEST } }), isRevoked({ confirmation: undefined })]).toEqual([
      true,
      false,
    ])
  })

  it('takes an id that looks like a digest for an id too', () => {
    const { put, isRevoked, table, revocations } = tableAt(new FakeClock())
    put({ scope: 'credential', key: DIGEST })
    expect([isRevoked({ credentialId: DIGEST }), isRevoked({ digest: DIGEST })]).toEqual([true, true])
    table.remove({ scope: 'credential', key: DIGEST })
    expect(revocations.status().entries).toBe(0)
  })

  it('means callers of its provider only, and with a time only what was issued before', () => {
    const clock = new FakeClock()
    const { put, isRevoked } = tableAt(clock)
    put({ provider: 'corp' })
    expect([isRevoked({ session: 's1' }), isRevoked({ session: 's1', provider: 'other' })]).toEqual([true, false])
    put({ scope: 'subject', key: 'bob', provider: 'corp', issuedBefore: clock.ms })
    const issued = (issuedAt: number) => isRevoked({ subject: 'bob', issuedAt })
    expect([issued(clock.seconds - 1), issued(clock.seconds)]).toEqual([true, false])
  })

  it('is over when the verdict is', () => {
    const clock = new FakeClock()
    const { put, isRevoked } = tableAt(clock)
    put({ expiresAt: clock.ms + 1000 })
    clock.ms += 999
    expect(isRevoked({ session: 's1' })).toBe(true)
    clock.ms += 1
    expect(isRevoked({ session: 's1' })).toBe(false)
  })

  it('can have no end', () => {
    const { put, isRevoked, revocations } = tableAt(new FakeClock())
    expect(put({ expiresAt: Number.MAX_SAFE_INTEGER })).toBe('kept')
    expect([isRevoked({ session: 's1' }), revocations.status().entries]).toEqual([true, 1])
  })

  it('stays when the verdict itself has to go to make room', () => {
    const clock = new FakeClock()
    const { revocations, isRevoked } = tableAt(clock)
    const table = new VerdictTable({ now: clock.now, maxEntries: 1, revocations: () => revocations })
    table.put({ scope: 'session', key: 's1', revoke: true, expiresAt: clock.ms + 1000 })
    table.put({ scope: 'session', key: 's2', block: true, expiresAt: clock.ms + 2000 })
    expect([table.evicted, isRevoked({ session: 's1' })]).toEqual([1, true])
  })
})

describe('a later verdict about the same', () => {
  it('says anew what is revoked, and how long', () => {
    const clock = new FakeClock()
    const { put, isRevoked, revocations } = tableAt(clock)
    const issued = (issuedAt: number) => isRevoked({ subject: 'bob', issuedAt })
    const bob = { scope: 'subject', key: 'bob', provider: 'corp' } as const
    put({ ...bob })
    put({ ...bob, issuedBefore: clock.ms, expiresAt: clock.ms + 1000 })
    expect([issued(clock.seconds - 1), issued(clock.seconds), revocations.status().entries]).toEqual([true, false, 1])
    clock.ms += 1000
    expect(issued(clock.seconds - 100)).toBe(false)
  })

  it.each<[string, Partial<VerdictInput>]>([
    ['does not revoke', { revoke: false, block: true }],
    ['is over already', { expiresAt: 5 }],
  ])('takes it back when it %s', (_, later) => {
    const { put, isRevoked } = tableAt(new FakeClock())
    put({ version: 1 })
    put({ version: 2, ...later })
    expect(isRevoked({ session: 's1' })).toBe(false)
  })

  it('changes nothing when it is older, nor does a removal that is', () => {
    const { table, put, isRevoked } = tableAt(new FakeClock())
    put({ version: 2 })
    expect([put({ version: 1, revoke: false }), table.remove({ scope: 'session', key: 's1', version: 1 })]).toEqual([
      'older',
      'older',
    ])
    expect(isRevoked({ session: 's1' })).toBe(true)
    expect(table.remove({ scope: 'session', key: 's1', version: 3 })).toBe('kept')
    expect([isRevoked({ session: 's1' }), put({ version: 2 }), isRevoked({ session: 's1' })]).toEqual([
      false,
      'older',
      false,
    ])
  })

  it('leaves alone what others have revoked', () => {
    const { put, table, revocations, isRevoked } = tableAt(new FakeClock())
    revocations.add({ session: 's1', until: 'never' }, { source: 'admin' })
    put({})
    table.remove({ scope: 'session', key: 's1' })
    expect(isRevoked({ session: 's1' })).toBe(true)
  })
})

describe('a verdict that cannot revoke', () => {
  it('changes nothing when there is no room, and is counted', () => {
    const { put, table, revocations, isRevoked } = tableAt(new FakeClock(), 2)
    put({ key: 'taken' })
    // Two names, and room for one.
    expect(put({ scope: 'credential', key: DIGEST, block: true })).toBe('full')
    expect([isRevoked({ digest: DIGEST }), table.entries, table.ignored]).toEqual([false, 1, 1])
    expect(revocations.status().sources.find(({ source }) => source === 'workflow')?.fetches.failed).toBe(1)
    expect([put({ key: 'last' }), put({ key: 'more' }), put({ key: 'last', block: true })]).toEqual([
      'kept',
      'full',
      'kept',
    ])
  })

  it('is refused where there are no revocations', () => {
    const table = new VerdictTable()
    expect(table.put({ scope: 'session', key: 's', revoke: true, expiresAt: Date.now() + 1000 })).toBe('full')
    expect(table.entries).toBe(0)
  })

  it.each<Partial<VerdictInput>>([
    { scope: 'tenant', key: 'acme' },
    { scope: 'source', key: '192.0.2.1' },
    { scope: 'key', key: 'order 7' },
    { key: 'with\ncontrol' },
    { key: ' padded' },
    { provider: 'with\ncontrol' },
    { issuedBefore: 1000 },
    { scope: 'subject', key: 'bob', provider: 'corp', revoke: false, issuedBefore: 1000 },
    { scope: 'subject', key: 'bob', provider: 'corp', issuedBefore: 0 },
    { scope: 'subject', key: 'bob', provider: 'corp', issuedBefore: 1e18 },
  ])('is invalid: %j', (input) => {
    const { put, table, revocations } = tableAt(new FakeClock())
    expect([put(input), table.entries, revocations.status().entries]).toEqual(['invalid', 0, 0])
  })

  it('is taken, and revokes nothing, when no identity could have its name', () => {
    const { put, table } = tableAt(new FakeClock())
    expect(put({ key: 'with\ncontrol', revoke: false, block: true })).toBe('kept')
    expect(table.remove({ scope: 'session', key: 'with\ncontrol' })).toBe('kept')
  })
})

function digestOfTwin(token: string): string {
  return hash('sha256', twinOf(token, 'ES256'), 'base64url')
}
