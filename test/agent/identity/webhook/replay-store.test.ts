import { describe, expect, it } from 'vitest'
import { ReplayStore } from '../../../../agent/identity/webhook/replay-store.ts'

function storeOf(lifeMs: number | undefined, max?: number) {
  const clock = { ms: 5000 }
  const store = new ReplayStore(lifeMs, () => clock.ms, max)
  return { store, clock }
}

describe('deliveries that were accepted', () => {
  it('are remembered for their whole life, whenever they came', () => {
    for (let came = 0; came <= 3000; came += 100) {
      const { store, clock } = storeOf(1000)
      // Others come all the time, so that generations change.
      for (let ms = 0; ms <= came + 1000; ms += 50) {
        clock.ms = 5000 + ms
        if (ms === came) expect(store.see('it')).toBe('new')
        else if (ms > came) expect(store.see('it')).toBe('seen')
        store.see(`other ${ms}`)
      }
    }
  })

  it('are forgotten at the latest after twice that time and a change, also when nothing came meanwhile', () => {
    const { store, clock } = storeOf(1000)
    store.see('it')
    clock.ms += 2000
    expect(store.see('it')).toBe('new')
    for (let i = 0; i < 100; i++) {
      clock.ms += 500
      store.see(String(i))
      expect(store.size).toBeLessThanOrEqual(5)
    }
  })

  it('with a time are never forgotten before it: a new one is refused when there is no more room', () => {
    const { store, clock } = storeOf(1000, 3)
    expect(['a', 'b', 'c', 'd', 'a'].map((id) => store.see(id))).toEqual(['new', 'new', 'new', 'full', 'seen'])
    clock.ms += 2000
    expect(store.see('d')).toBe('new')
  })

  it('without a time are remembered in a bounded number, the latest ones', () => {
    const { store } = storeOf(undefined, 100)
    for (let i = 0; i < 1000; i++) {
      expect(store.see(String(i))).toBe('new')
      expect(store.size).toBeLessThanOrEqual(100)
      for (let back = 0; back < Math.min(i, 40); back++) expect(store.see(String(i - back))).toBe('seen')
    }
    expect(store.see('0')).toBe('new')
  })
})
