import { hash, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { RevocationInput } from '../../../../agent/identity/revocation/entry.ts'
import { Revocations } from '../../../../agent/identity/revocation/revocations.ts'
import { FakeClock, memoryLog } from '../support/provider.ts'
import { outcome, setUp } from '../support/setup.ts'
import { signToken, testKey } from '../support/tokens.ts'

const key = testKey('ES256')

async function start() {
  const clock = new FakeClock()
  const revocations = new Revocations(undefined, { now: clock.now, monotonicMs: clock.now, log: memoryLog() })
  const setup = await setUp([key], {}, { checks: [(identity) => revocations.check(identity)] })
  const id = randomUUID()
  const token = signToken(key, setup.claims({ jti: id, sid: 'sid-1' }))
  return { setup, revocations, token, id, until: clock.seconds + 600, now: clock.seconds }
}

describe('X5: a token that is revoked while it is cached', () => {
  it.each<[string, (of: { token: string; id: string; until: number; now: number }) => RevocationInput]>([
    ['its id', ({ id, until }) => ({ jti: id, provider: 'corp', until })],
    ['its bytes', ({ token, until }) => ({ token: hash('sha256', token, 'base64url'), until })],
    ['its session', ({ until }) => ({ session: 'sid-1', until })],
    ['its subject', ({ until }) => ({ subject: 'user-1', provider: 'corp', until })],
    ['the time it was issued', ({ until, now }) => ({ provider: 'corp', issuedBefore: now + 1, until })],
  ])('by %s is refused at the next request, synchronously', async (_, entry) => {
    const { setup, revocations, ...token } = await start()
    await using _setup = setup
    expect(await outcome(setup.check(token.token))).toBe('ok')
    const hit = setup.check(token.token)
    expect(hit).not.toBeInstanceOf(Promise)
    revocations.add(entry(token), { source: 'workflow' })
    const refused = setup.check(token.token)
    expect(refused).toMatchObject({ ok: false, reason: 'revoked' })
    revocations.remove(entry(token), { source: 'workflow' })
    expect(setup.check(token.token)).toBe(hit)
  })

  it('is revoked already at its first sight, and is not kept as a bad token', async () => {
    const { setup, revocations, token, id, until } = await start()
    await using _setup = setup
    revocations.add({ jti: id, until }, { source: 'admin' })
    expect(await outcome(setup.check(token))).toBe('revoked')
    revocations.remove({ jti: id, until }, { source: 'admin' })
    expect(await outcome(setup.check(token))).toBe('ok')
  })
})
