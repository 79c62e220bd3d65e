import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ReplayStore } from '../../../../agent/identity/webhook/replay-store.ts'

function storeOf(lifeMs: number | undefined, max?: number) {
  const clock = { ms: 5000 }
  const store = new ReplayStore(lifeMs, () => clock.ms, max)
  /** As a request of its own. */
  const see = (digest: string) => store.see(digest, randomUUID())
  return { store, clock, see }
}

describe('deliveries that were accepted', () => {
  it('are remembered for their whole life, whenever they came', () => {
    for (let came = 0; came <= 3000; came += 100) {
      const { see, clock } = storeOf(1000)
      // Others come all the time, so that generations change.
      for (let ms = 0; ms <= came + 1000; ms += 50) {
        clock.ms = 5000 + ms
        if (ms === came) expect(see('it')).toBe('new')
        else if (ms > came) expect(see('it')).toBe('seen')
        see(`other ${ms}`)
      }
    }
  })

  it('are forgotten at the latest after twice that time and a change, also when nothing came meanwhile', () => {
    const { store, see, clock } = storeOf(1000)
    see('it')
    clock.ms += 2000
    expect(see('it')).toBe('new')
    for (let i = 0; i < 100; i++) {
      clock.ms += 500
      see(String(i))
      expect(store.size).toBeLessThanOrEqual(5)
    }
  })

  it('with a time are never forgotten before it: a new one is refused when there is no more room', () => {
    const { see, clock } = storeOf(1000, 3)
    expect(['a', 'b', 'c', 'd', 'a'].map((id) => see(id))).toEqual(['new', 'new', 'new', 'full', 'seen'])
    clock.ms += 2000
    expect(see('d')).toBe('new')
  })

  it('without a time are remembered in a bounded number, the latest ones', () => {
    const { store, see } = storeOf(undefined, 100)
    for (let i = 0; i < 1000; i++) {
      expect(see(String(i))).toBe('new')
      expect(store.size).toBeLessThanOrEqual(100)
      for (let back = 0; back < Math.min(i, 40); back++) expect(see(String(i - back))).toBe('seen')
    }
    expect(see('0')).toBe('new')
  })

  it('shown again by the same request are no second ones', () => {
    const { store } = storeOf(1000)
    expect([store.see('it', 'r1'), store.see('it', 'r1'), store.see('it', 'r2')]).toEqual(['new', 'new', 'seen'])
  })
})
