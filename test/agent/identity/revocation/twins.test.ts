import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Revocations } from '../../../../agent/identity/revocation/revocations.ts'
import { FakeClock, memoryLog } from '../support/provider.ts'
import { outcome, setUp } from '../support/setup.ts'
import { b64, rawToken, signBytes, signToken, testKey } from '../support/tokens.ts'
import { liftedEd25519, liftedOf, liftedRsa, twinOf } from '../support/twins.ts'

const ECDSA = ['ES256', 'ES384', 'ES512'] as const
const sha256 = (token: string): string => hash('sha256', token, 'base64url')

async function start(alg: string) {
  const clock = new FakeClock()
  const revocations = new Revocations(undefined, { now: clock.now, monotonicMs: clock.now, log: memoryLog() })
  const key = testKey(alg)
  const setup = await setUp([key], { algorithms: [alg] }, { checks: [(identity) => revocations.check(identity)] })
  const token = signToken(key, setup.claims())
  const revoke = (revoked: string): boolean =>
    revocations.add({ token: sha256(revoked), until: clock.seconds + 600 }, { source: 'admin' })
  return { setup, key, revocations, token, revoke }
}

describe.each(ECDSA)('a token signed with %s and its twin', (alg) => {
  it('are both genuine, and known to the cache apart', async () => {
    const { setup, token } = await start(alg)
    await using _setup = setup
    const twin = twinOf(token, alg)
    expect(twin).not.toBe(token)
    expect(await outcome(setup.check(token))).toBe('ok')
    expect(await outcome(setup.check(twin))).toBe('ok')
    expect(setup.auth.counters.cache.entries).toBe(2)
    expect(setup.check(twin)).not.toBeInstanceOf(Promise)
  })

  it.each([
    ['the token', (token: string) => token],
    ['its twin', (token: string) => twinOf(token, alg)],
  ])('are both revoked by the digest of %s, at first sight', async (_, revoked) => {
    const { setup, token, revoke } = await start(alg)
    await using _setup = setup
    revoke(revoked(token))
    expect(await outcome(setup.check(token))).toBe('revoked')
    expect(await outcome(setup.check(twinOf(token, alg)))).toBe('revoked')
  })

  it.each([
    ['the token', (token: string) => token],
    ['its twin', (token: string) => twinOf(token, alg)],
  ])('are both revoked by the digest of %s, at the next request, synchronously', async (_, revoked) => {
    const { setup, key, token, revoke } = await start(alg)
    await using _setup = setup
    const twin = twinOf(token, alg)
    const other = signToken(key, setup.claims({ sub: 'user-2' }))
    for (const each of [token, twin, other]) expect(await outcome(setup.check(each))).toBe('ok')
    revoke(revoked(token))
    for (const each of [token, twin]) expect(setup.check(each)).toMatchObject({ ok: false, reason: 'revoked' })
    expect(setup.check(other)).toMatchObject({ ok: true })
  })

  it('have no third: r and s of n or more are refused', async () => {
    const { setup, key } = await start(alg)
    await using _setup = setup
    let tried = 0
    for (let i = 0; i < 3; i++) {
      const token = signToken(key, setup.claims({ jti: `${i}` }))
      for (const which of ['r', 's', 'both'] as const) {
        const lifted = liftedOf(token, alg, which)
        if (lifted === undefined) continue
        tried++
        expect(await outcome(setup.check(lifted))).toBe('signature_invalid')
      }
    }
    // Bytes are left over in P-521 only; r or s of the others would have to be tiny.
    if (alg === 'ES512') expect(tried).toBe(9)
  })
})

describe('a token signed otherwise', () => {
  it.each(['RS256', 'PS256', 'EdDSA'])('has no twin with %s, and is revoked by its digest alone', async (alg) => {
    const { setup, token, revoke } = await start(alg)
    await using _setup = setup
    const result = await setup.check(token)
    if (!result.ok) throw new Error(result.reason)
    expect(result.identity.twinDigest).toBeUndefined()
    revoke(token)
    expect(setup.check(token)).toMatchObject({ ok: false, reason: 'revoked' })
  })

  it('cannot be spelled anew with EdDSA: S + L is refused (RFC 8032 section 5.1.7)', async () => {
    const { setup, key } = await start('EdDSA')
    await using _setup = setup
    const input = `${b64(JSON.stringify({ alg: 'EdDSA', kid: key.kid }))}.${b64(JSON.stringify(setup.claims()))}`
    const signature = signBytes('EdDSA', key.privateKey, input)
    expect(await outcome(setup.check(`${input}.${b64(liftedEd25519(signature))}`))).toBe('signature_invalid')
    expect(await outcome(setup.check(`${input}.${b64(signature)}`))).toBe('ok')
  })

  it.each(['RS256', 'PS256'])(
    'cannot be spelled anew with %s: s + n is refused (RFC 8017 section 5.2.2)',
    async (alg) => {
      const { setup, key } = await start(alg)
      await using _setup = setup
      let tried = 0
      // With a modulus near its upper bound s + n seldom fits into its bytes.
      for (let i = 0; i < 2000 && tried === 0; i++) {
        const token = rawToken(
          key,
          JSON.stringify({ alg, kid: key.kid }),
          JSON.stringify(setup.claims({ jti: `${i}` })),
        )
        const dot = token.lastIndexOf('.')
        const lifted = liftedRsa(Buffer.from(token.slice(dot + 1), 'base64url'), key.privateKey)
        if (lifted === undefined) continue
        tried++
        expect(await outcome(setup.check(`${token.slice(0, dot)}.${b64(lifted)}`))).toBe('signature_invalid')
      }
      expect(tried).toBe(1)
    },
  )
})

describe('what a look at the revocations costs', () => {
  it('no digest is made of a known token while no entry names one', async () => {
    const { setup, revocations, token, revoke } = await start('ES256')
    await using _setup = setup
    const result = await setup.check(token)
    if (!result.ok) throw new Error(result.reason)
    const asked: string[] = []
    const watched = new Proxy(result.identity, {
      get: (target, name) => {
        asked.push(String(name))
        return Reflect.get(target, name, target) as unknown
      },
    })
    revocations.add({ jti: 'other', until: setup.clock.seconds + 600 }, { source: 'admin' })
    expect(revocations.check(watched)).toBeUndefined()
    expect(asked).not.toContain('digest')
    expect(asked).not.toContain('twinDigest')
    revoke('another token')
    expect(revocations.check(watched)).toBeUndefined()
    expect(asked).toContain('twinDigest')
  })
})
