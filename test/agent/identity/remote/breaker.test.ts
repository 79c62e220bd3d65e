import { describe, expect, it } from 'vitest'
import { Breaker } from '../../../../agent/identity/remote/breaker.ts'
import { FakeClock } from '../support/provider.ts'

function setUp() {
  const clock = new FakeClock(0)
  const breaker = new Breaker({ breakAfter: 3, minBackoffMs: 1000, maxBackoffMs: 8000 }, clock.now)
  const fail = (...meanings: ('away' | 'unwelcome')[]): void => {
    for (const meaning of meanings) {
      const ticket = breaker.admit()
      if (ticket === undefined) throw new Error('not admitted')
      breaker.failed(ticket, meaning)
    }
  }
  return { clock, breaker, fail, state: () => [breaker.isOpen, breaker.isAway] }
}

describe('a peer counts as away', () => {
  it('when some questions in a row find nobody', () => {
    const { fail, state } = setUp()
    fail('away', 'away')
    expect(state()).toEqual([false, false])
    fail('away')
    expect(state()).toEqual([true, true])
  })

  it('not when it refuses us: then it is left alone', () => {
    const { breaker, fail, state } = setUp()
    fail('unwelcome', 'unwelcome', 'unwelcome')
    expect(state()).toEqual([true, false])
    expect(breaker.admit()).toBeUndefined()
  })

  it.each([
    ['away', 'unwelcome', 'away'],
    ['unwelcome', 'away', 'away'],
    ['away', 'away', 'unwelcome'],
  ] as const)('not when one of them was told something (%s, %s, %s)', (...meanings) => {
    const { fail, state } = setUp()
    fail(...meanings)
    expect(state()).toEqual([true, false])
  })

  it('no longer once it says anything at all, to an old question too', () => {
    const { breaker, clock, fail, state } = setUp()
    const old = breaker.admit() ?? -1
    fail('away', 'away', 'away')
    breaker.failed(old, 'unwelcome')
    expect(state()).toEqual([true, false])
    clock.advance(1000)
    fail('away')
    expect(state()).toEqual([true, false])
  })

  it('until an answer, whoever the probe is for', () => {
    const { breaker, clock, fail, state } = setUp()
    fail('away', 'away', 'away')
    clock.advance(1000)
    expect([breaker.admit(), breaker.admit()]).toEqual([1, undefined])
    breaker.answered()
    expect(state()).toEqual([false, false])
    expect(breaker.admit()).toBeDefined()
  })
})
