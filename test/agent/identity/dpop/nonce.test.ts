import { expect, it } from 'vitest'
import { NonceClock } from '../../../../agent/identity/dpop/nonce.ts'
import { Secret } from '../../../../agent/secrets/secret.ts'

const secret = { current: new Secret('shared') }

it('a nonce is current for a minute and taken for a second one', () => {
  let now = 1_700_000_040_000
  const clock = new NonceClock(secret, () => now)
  const nonce = clock.current()
  now += 59_999
  expect(clock.current()).toBe(nonce)
  now += 1
  expect(clock.current()).not.toBe(nonce)
  expect(clock.accepts(nonce)).toBe(true)
  now += 60_000
  expect(clock.accepts(nonce)).toBe(false)
  expect(clock.accepts(clock.current())).toBe(true)
})

it('whoever has the same secret understands the nonce, and nobody else', () => {
  const now = (): number => 1_700_000_000_000
  expect(new NonceClock(secret, now).accepts(new NonceClock(secret, now).current())).toBe(true)
  expect(new NonceClock(secret, now).accepts(new NonceClock(undefined, now).current())).toBe(false)
  // Providers of one process.
  expect(new NonceClock(undefined, now).accepts(new NonceClock(undefined, now).current())).toBe(true)
  expect(new NonceClock(secret, now).accepts(new NonceClock({ current: new Secret('other') }, now).current())).toBe(
    false,
  )
})

it('a secret that comes later counts at once, one that changes from the next minute on', () => {
  let now = 1_700_000_040_000
  const source: { current: Secret | undefined } = { current: undefined }
  const clock = new NonceClock(source, () => now)
  const ofAnother = (): string => new NonceClock({ current: source.current }, () => now).current()
  expect(clock.accepts(new NonceClock(secret, () => now).current())).toBe(false)
  source.current = secret.current
  expect(clock.accepts(ofAnother())).toBe(true)
  expect(clock.current()).toBe(ofAnother())
  const nonce = clock.current()
  source.current = new Secret('next')
  expect(clock.accepts(nonce)).toBe(true)
  expect(clock.accepts(ofAnother())).toBe(false)
  now += 60_000
  expect(clock.accepts(ofAnother())).toBe(true)
})
