import { describe, expect, it } from 'vitest'
import { Limiters } from '../../../agent/limits/limiters.ts'
import { allowedOf } from './support.ts'

const rate = { count: 2, periodMs: 60_000 }

describe('Limiters', () => {
  it('gives the limiter back, with what it has counted, when the settings mean the same', () => {
    const limiters = new Limiters()
    const before = limiters.get('orders', { rate })
    allowedOf(5, before, 0)
    limiters.retain(['orders'])
    const after = limiters.get('orders', { rate: { ...rate }, burst: 2, algorithm: 'token-bucket', maxKeys: 100_000 })
    expect(after).toBe(before)
    expect(allowedOf(5, after, 0)).toBe(0)
  })

  it.each([
    { rate: { count: 3, periodMs: 60_000 } },
    { rate: { count: 2, periodMs: 1000 } },
    { rate, burst: 3 },
    { rate, algorithm: 'sliding-window' as const },
    { rate, maxKeys: 5 },
  ])('begins anew with other settings: %j', (settings) => {
    const limiters = new Limiters()
    expect(limiters.get('orders', settings)).not.toBe(limiters.get('orders', { rate }))
  })

  it('tells ids apart', () => {
    const limiters = new Limiters()
    expect(limiters.get('a', { rate })).not.toBe(limiters.get('b', { rate }))
  })

  it('drops what the configuration has no more', () => {
    const limiters = new Limiters()
    const a = limiters.get('a', { rate })
    const b = limiters.get('b', { rate })
    limiters.retain(['b'])
    expect([...limiters.counters()].map(([id]) => id)).toEqual(['b'])
    expect([limiters.get('a', { rate }) === a, limiters.get('b', { rate }) === b]).toEqual([false, true])
  })

  it('loses nothing to a reload that fails before it is in use', () => {
    const limiters = new Limiters()
    const used = limiters.get('a', { rate })
    limiters.retain(['a'])
    limiters.get('a', { rate, burst: 9 })
    expect(limiters.get('a', { rate })).toBe(used)
    limiters.retain(['a'])
    expect(limiters.get('a', { rate })).toBe(used)
  })

  it('shows what each has counted', () => {
    const limiters = new Limiters()
    allowedOf(3, limiters.get('a', { rate }), 0)
    limiters.retain(['a'])
    // A reload that fails half-way has asked for this one.
    limiters.get('a', { rate, burst: 9 })
    const shown = [...limiters.counters()].map(([id, { allowed, limited, evicted, keys }]) => [
      id,
      { allowed, limited, evicted, keys },
    ])
    expect(shown).toEqual([['a', { allowed: 2, limited: 1, evicted: 0, keys: 1 }]])
  })
})
