import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from './support/evidence.ts'
import { build, oddTokens } from './support/odd-tokens.ts'
import { outcome, setUp, type Setup } from './support/setup.ts'
import { brokenRules, STRICTNESS } from './support/strictness.ts'
import { signToken, testKey, type TestKey } from './support/tokens.ts'

const keys = ['RS256', 'PS256', 'ES256', 'EdDSA'].map((alg) => testKey(alg))
const stranger = testKey('RS256')
let t: Setup

beforeAll(async () => {
  t = await setUp(keys)
})
afterAll(() => t[Symbol.asyncDispose]())

async function joseAccepts(token: string): Promise<boolean> {
  try {
    const options = {
      issuer: t.server.issuer,
      audience: 'orders-api',
      clockTolerance: 60,
      currentDate: new Date(t.clock.ms),
      algorithms: keys.map((key) => key.alg),
    }
    await jwtVerify(token, createLocalJWKSet({ keys: keys.map((key) => key.jwk) as never }), options)
    return true
  } catch {
    return false
  }
}

const date = fc.oneof(fc.integer({ min: -120, max: 120 }), fc.constantFrom(-61, -60, -59, 59, 60, 61))
const changes = fc.record(
  {
    iss: fc.constantFrom('https://evil.example', ''),
    aud: fc.constantFrom('orders-api', ['a', 'orders-api'], ['a'], [], 'orders', undefined),
    expIn: date,
    nbfIn: date,
    iatIn: date,
    sub: fc.constantFrom('user-1', 'ü', undefined),
    typ: fc.constantFrom('JWT', 'at+jwt', undefined),
    free: fc.jsonValue({ maxDepth: 4 }).filter((value) => !/\\./.test(JSON.stringify(value))),
  },
  { requiredKeys: [] },
)

function tokenOf(change: Record<string, unknown>, keyIndex: number): string {
  const { expIn, nbfIn, iatIn, typ, ...rest } = change
  const dates = Object.fromEntries(
    Object.entries({ exp: expIn, nbf: nbfIn, iat: iatIn }).flatMap(([name, ahead]) =>
      typeof ahead === 'number' ? [[name, t.clock.seconds + ahead]] : [],
    ),
  )
  return signToken(keys[keyIndex] ?? stranger, t.claims({ ...rest, ...dates }), { typ })
}

describe('against jose.jwtVerify', () => {
  it('nothing passes that jose refuses, and what only we refuse has a rule of ours', async () => {
    const onlyOurs = new Set(['claim_missing', 'issued_in_future', 'claim_invalid'])
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(keys.length), async (change, keyIndex) => {
        const token = tokenOf(change, keyIndex)
        const [ours, its] = [await outcome(t.check(token)), await joseAccepts(token)]
        if (ours === 'ok') expect(its).toBe(true)
        else if (its) expect(onlyOurs).toContain(ours)
      }),
      { numRuns: 300 },
    )
  })

  it('a token with one character changed never passes, in neither', async () => {
    const good = keys.map((key) => signToken(key, t.claims()))
    await fc.assert(
      fc.asyncProperty(
        fc.nat(keys.length - 1),
        fc.nat(),
        fc.integer({ min: 0x21, max: 0x7e }),
        async (which, position, code) => {
          const token = good[which] ?? ''
          const at = position % token.length
          const mutated = token.slice(0, at) + String.fromCharCode(code) + token.slice(at + 1)
          expect(await outcome(t.check(mutated))).toSatisfy(
            (result: string) => (result === 'ok') === (mutated === token),
          )
          // A hit must not depend on the mutation having been seen.
          expect(await outcome(t.check(mutated))).toSatisfy(
            (result: string) => (result === 'ok') === (mutated === token),
          )
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('odd tokens of every algorithm', () => {
  // A long run: IDENTITY_FUZZ_RUNS=1000000 npx vitest run --project unit test/agent/identity/against-jose.test.ts
  // A failure prints its seed, which IDENTITY_FUZZ_SEED takes.
  const runs = Number(process.env['IDENTITY_FUZZ_RUNS'] ?? 2000)
  const seed = process.env['IDENTITY_FUZZ_SEED']
  const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
  const ALGORITHMS = [RSA, ['ES256'], ['ES384'], ['ES512'], ['EdDSA', 'Ed25519']]
  // Published without alg: the token chooses among what the key can do.
  const signers = ALGORITHMS.map(([alg = '']) => withoutAlg(testKey(alg)))
  const strangers = ALGORITHMS.map(([alg = '']) => testKey(alg))
  const jwks = createLocalJWKSet({ keys: signers.map(({ jwk }) => jwk) as never })
  const SKEW_S = 60
  let odd: Setup

  beforeAll(async () => {
    odd = await setUp(signers, { algorithms: ALGORITHMS.flat(), clockSkewS: SKEW_S })
  })
  afterAll(() => odd[Symbol.asyncDispose]())

  it(
    'what passes here passes jose with the same claims; what passes only jose breaks a rule of ours, and for that reason',
    async () => {
      const met = new Map<string, number>(STRICTNESS.flatMap(({ name, shared }) => (shared ? [] : [[name, 0]])))
      const accepted = { byBoth: 0, byJose: 0 }
      const arbitrary = oddTokens(signers.length, odd.clock.seconds)
      await fc.assert(
        fc.asyncProperty(arbitrary, async (token) => {
          const possible = ALGORITHMS[token.key] ?? []
          const [signer, stranger] = [signers[token.key], strangers[token.key]]
          const alg = possible[token.alg % possible.length]
          if (signer === undefined || stranger === undefined || alg === undefined) throw new Error('no such key')
          const sent = build(token, signer, alg, stranger, odd.claims())
          const ours = await odd.check(sent)
          // The Authorization field may hold more than one space before the token.
          const its = await joseClaims(sent.replace(/^ +/, ''))
          const broken = brokenRules(sent.replace(/^ +/, ''), odd.clock.seconds, SKEW_S)
          if (ours.ok) {
            expect(its).toBeDefined()
            expect(broken).toEqual([])
            expect(plain(ours.identity.claims)).toEqual(plain(its))
            accepted.byBoth++
          } else if (its !== undefined) {
            expect(broken.map(({ reason }) => reason)).toContain(ours.reason)
            accepted.byJose++
            for (const { name } of broken) met.set(name, (met.get(name) ?? 0) + 1)
          }
          // Seen before or not, it is judged alike.
          expect(await outcome(odd.check(sent))).toBe(ours.ok ? 'ok' : ours.reason)
        }),
        { numRuns: runs, ...(seed !== undefined && { seed: Number(seed) }) },
      )
      // Else it would have compared refusals with refusals.
      expect(accepted.byBoth).toBeGreaterThan(runs / 20)
      expect(accepted.byJose).toBeGreaterThan(runs / 20)
      if (process.env['IDENTITY_FUZZ_RUNS'] !== undefined) console.info({ ...accepted, ...Object.fromEntries(met) })
      expect([...met].filter(([, count]) => count === 0)).toEqual([])
    },
    Math.max(60_000, runs * 20),
  )

  async function joseClaims(token: string): Promise<unknown> {
    try {
      const { payload } = await jwtVerify(token, jwks, {
        issuer: odd.server.issuer,
        audience: 'orders-api',
        clockTolerance: SKEW_S,
        currentDate: new Date(odd.clock.ms),
        algorithms: ALGORITHMS.flat(),
      })
      return payload
    } catch {
      return undefined
    }
  }

  function withoutAlg(key: TestKey): TestKey {
    const { alg: _alg, ...jwk } = key.jwk
    return { ...key, jwk }
  }

  /** Without a key `__proto__`, which claims never have here. */
  function plain(claims: unknown): unknown {
    return JSON.parse(JSON.stringify(claims), function (this: object, key, value: unknown) {
      return key === '__proto__' ? undefined : value
    })
  }
})

describe('whatever is sent', () => {
  const never = async (authorization: string, count: number): Promise<void> => {
    const result = await ask(t.auth, authorization, count, ['corp'])
    expect(result.ok).toBe(false)
    expect(result).not.toMatchObject({ reason: 'internal_error' })
  }

  it('random text is refused and breaks nothing', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(3), never), {
      numRuns: 1000,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 200 }).map((text) => `Bearer ${text}`),
        fc.nat(3),
        never,
      ),
      { numRuns: 1000 },
    )
  })

  it('random JSON as header and payload is refused and breaks nothing', async () => {
    const segment = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc
        .record(
          {
            alg: fc.constantFrom<unknown>('RS256', 'ES256', 'none', 7),
            kid: fc.jsonValue(),
            iss: fc.jsonValue(),
            typ: fc.jsonValue(),
          },
          { requiredKeys: ['alg'] },
        )
        .map((value) => JSON.stringify(value)),
      fc.constant('').map(() => JSON.stringify(t.claims())),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    )
    const token = fc
      .tuple(segment, segment, fc.uint8Array({ maxLength: 300 }))
      .map((parts) => `Bearer ${parts.map((part) => Buffer.from(part).toString('base64url')).join('.')}`)
    await fc.assert(
      fc.asyncProperty(token, (text) => never(text, 1)),
      { numRuns: 2000 },
    )
  })
})
