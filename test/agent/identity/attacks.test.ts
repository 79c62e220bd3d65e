import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reasons } from '../../../agent/identity/reasons.ts'
import { type Attack, attackList, keys } from './support/attack-list.ts'
import { honestList, SCOPES } from './support/honest-list.ts'
import { startJwksServer, type JwksServer } from './support/jwks-server.ts'
import { outcome, setUp, type Setup } from './support/setup.ts'
import { signToken } from './support/tokens.ts'

// Each attack must end in its reason, without a crash, without any request that the token asked for, and with nothing left
// on any prototype. Through real HAProxy: test/integration/attacks.test.ts.
const { rsa, ec, ed, foreign } = keys
let t: Setup
let evil: JwksServer

beforeAll(async () => {
  evil = await startJwksServer()
  evil.publish([foreign.jwk])
  t = await setUp([rsa, ec, ed])
})
afterAll(async () => {
  await t[Symbol.asyncDispose]()
  await evil[Symbol.asyncDispose]()
})

const claims = (changes: object = {}): Record<string, unknown> => t.claims(changes)
/** The table is made before the servers are up: what it says of them is asked when a token is made. */
const attacks: readonly Attack[] = attackList({
  get issuer() {
    return t.server.issuer
  },
  get evil() {
    return evil.issuer
  },
  seconds: () => t.clock.seconds,
  claims,
})

describe('each attack ends in its reason', () => {
  it.each(attacks)('%s %s', async (_id, _what, token, reason) => {
    const sum = (): number => t.auth.counters.results.reduce((total, count) => total + count, 0)
    const before = sum()
    expect(await outcome(t.check(token()))).toBe(reason)
    expect(sum()).toBe(before + 1)
    expect(reasons[reason].status).toBeLessThan(500)
  })

  it('without a request to the attacker, and with one to the issuer for all unknown kids', () => {
    expect(evil.requests).toEqual([])
    expect(t.server.requests).toEqual(['/.well-known/openid-configuration', '/jwks', '/jwks'])
  })

  it('and leaves every prototype as it was', () => {
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { sub?: string }).sub).toBeUndefined()
  })
})

describe('while an honest token passes', () => {
  it('of each kind of key', async () => {
    for (const key of [rsa, ec, ed]) expect(await outcome(t.check(signToken(key, claims())))).toBe('ok')
  })

  it.each(honestList({ seconds: () => t.clock.seconds, claims }))('%s %s', async (id, _what, token) => {
    const result = await t.check(token())
    expect(await outcome(result)).toBe('ok')
    if (id === 'C19') expect(result).toMatchObject({ identity: { scopes: SCOPES } })
  })
})
