import { describe, expect, it } from 'vitest'
import { CachePurge } from '../../../agent/identity/cache-purge.ts'

/** A cache of so many entries that only counts. */
function cacheOf(entries: number) {
  const cache = {
    looked: 0,
    begun: 0,
    *purge(): Generator<void> {
      cache.begun++
      for (let i = 0; i < entries; i++) {
        cache.looked++
        yield
      }
    },
  }
  return cache
}

describe('CachePurge', () => {
  it('lets others have their turn while it goes through many entries', async () => {
    const cache = cacheOf(50_000)
    const done = new CachePurge(cache).run()
    const seen: number[] = []
    while (cache.looked < 50_000) {
      seen.push(cache.looked)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await done
    expect(seen.length).toBeGreaterThanOrEqual(10)
    expect(seen.every((looked, i) => looked - (seen[i - 1] ?? 0) <= 5000)).toBe(true)
  })

  it('is done with few at once', () => {
    const cache = cacheOf(100)
    void new CachePurge(cache).run()
    expect(cache.looked).toBe(100)
  })

  it('goes through them once more when it is asked to meanwhile, however often', async () => {
    const cache = cacheOf(5000)
    const purge = new CachePurge(cache)
    await Promise.all([purge.run(), purge.run(), purge.run()])
    await new Promise((resolve) => setImmediate(resolve))
    expect(cache.begun).toBe(2)
    await purge.run()
    expect([cache.begun, cache.looked]).toEqual([3, 15_000])
  })
})
