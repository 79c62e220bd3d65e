import { expect, it } from 'vitest'
import { albProvider } from '../../../../agent/config/providers/alb.ts'
import { createAlbScheme } from '../../../../agent/identity/alb/scheme.ts'
import { evidenceOf } from '../support/evidence.ts'
import { startJwksServer, text } from '../support/jwks-server.ts'
import { FakeClock, memoryLog } from '../support/provider.ts'
import { albKey, albToken } from './support.ts'

const OURS = {
  signer: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/orders/50dc6c495c0c9188',
  client: 'orders-web',
  issuer: 'https://idp.example.com/',
}

it.each([
  [503, true],
  [504, true],
  [401, false],
  [403, false],
  [404, false],
  [429, false],
  [500, false],
])('when the place of the keys answers %i to all ids, the provider is away: %s', async (status, away) => {
  await using server = await startJwksServer()
  const [clock, monotonic] = [new FakeClock(), new FakeClock(1000)]
  const settings = albProvider.parse({ kind: 'alb', ...OURS, keysUrl: `${server.issuer}/keys/` })
  const scheme = createAlbScheme('users', settings, { now: clock.now, monotonicMs: monotonic.now, log: memoryLog() })
  const from = { ...OURS, key: albKey() }
  expect([scheme.isAway?.(), scheme.status?.()]).toMatchObject([false, { endpoint: `${server.issuer}/keys` }])
  for (let i = 10; i < 20; i++) {
    const kid = `0b2b1ac0-7bf0-4d1c-8c4b-9c7a4b7dd5${i}`
    server.answer(`/keys/${kid}`, text('', status))
    expect(await scheme.authenticate(albToken(from, clock.seconds, { kid }), evidenceOf())).toMatchObject({ ok: false })
  }
  expect(scheme.isAway?.()).toBe(away)
  scheme.close?.()
})
