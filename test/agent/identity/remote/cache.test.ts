import { describe, expect, it } from 'vitest'
import { FetchError } from '../../../../agent/identity/http/fetch-error.ts'
import { type Asked, RemoteCache, type RemoteLimits, type Told } from '../../../../agent/identity/remote/cache.ts'
import { statusError, UnusableAnswerError } from '../../../../agent/identity/remote/failure.ts'
import { FakeClock, memoryLog } from '../support/provider.ts'

const yes = (value: string, times: Partial<Told<string>> = {}): Told<string> => ({
  value,
  negative: false,
  freshMs: 1000,
  bytes: 100,
  ...times,
})
const no = (value: string, freshMs = 1000): Told<string> => ({ value, negative: true, freshMs, bytes: 0 })

/** A cache with a clock that stands still, and a peer that answers as told and counts. */
function setUp(limits: Partial<RemoteLimits> = {}) {
  const clock = new FakeClock(5000)
  const log = memoryLog()
  const cache = new RemoteCache<string>({ provider: 'corp', log, monotonicMs: clock.now, limits })
  let asked = 0
  let answer: () => Told<string> | Promise<Told<string>> = () => yes('alice')
  const ask = (key = 'k'): Asked<string> | Promise<Asked<string>> =>
    cache.ask(key, async () => {
      asked++
      return answer()
    })
  return {
    clock,
    log,
    cache,
    ask,
    asked: () => asked,
    answer: (next: typeof answer) => {
      answer = next
    },
    down: (error: Error = new FetchError('connection failed (ECONNREFUSED)')) => {
      answer = () => Promise.reject(error)
    },
  }
}

describe('what a peer told', () => {
  it('is known synchronously until it is too old', async () => {
    const { cache, clock, ask } = setUp()
    expect(cache.fresh('k')).toBeUndefined()
    expect(await ask()).toEqual({ value: 'alice', stale: false })
    clock.advance(999)
    expect(cache.fresh('k')).toBe('alice')
    clock.advance(1)
    expect(cache.fresh('k')).toBeUndefined()
    expect(cache.figures.entries).toBe(0)
  })

  it('is asked for once however many want it', async () => {
    const { ask, asked } = setUp()
    const all = await Promise.all(Array.from({ length: 50 }, async () => ask()))
    expect(asked()).toBe(1)
    expect(all).toEqual(Array.from({ length: 50 }, () => ({ value: 'alice', stale: false })))
  })

  it('is not kept at all when its time is 0', async () => {
    const { cache, ask, answer } = setUp()
    answer(() => yes('alice', { freshMs: 0 }))
    expect(await ask()).toEqual({ value: 'alice', stale: false })
    expect(cache.fresh('k')).toBeUndefined()
    expect(cache.figures.entries).toBe(0)
  })

  it('replaces what it said before, a refusal an acceptance and the other way round', async () => {
    const { cache, clock, ask, answer } = setUp()
    answer(() => yes('alice', { staleMs: 60_000 }))
    await ask()
    clock.advance(1000)
    answer(() => no('refused'))
    await ask()
    expect(cache.fresh('k')).toBe('refused')
    expect([cache.figures.entries, cache.figures.negativeEntries]).toEqual([0, 1])
    clock.advance(1000)
    answer(() => yes('alice'))
    await ask()
    expect(cache.fresh('k')).toBe('alice')
    expect([cache.figures.entries, cache.figures.negativeEntries]).toEqual([1, 0])
  })
})

describe('bounds', () => {
  it('a flood of refusals pushes out no acceptance', async () => {
    const { cache, ask, answer } = setUp({ maxEntries: 10, maxNegativeEntries: 10 })
    await ask('real')
    answer(() => no('refused'))
    for (let i = 0; i < 100; i++) await ask(`made up ${i}`)
    expect(cache.fresh('real')).toBe('alice')
    expect([cache.figures.entries, cache.figures.negativeEntries]).toEqual([1, 10])
  })

  it('declared bytes hold', async () => {
    const { cache, ask } = setUp({ maxBytes: 450 })
    for (let i = 0; i < 10; i++) await ask(`k${i}`)
    expect([cache.figures.entries, cache.figures.bytes, cache.figures.evictions]).toEqual([4, 400, 6])
  })

  it('too many questions at once are overload, and joining one under way is none', async () => {
    const { cache, ask, answer } = setUp({ maxPending: 2 })
    const gate = Promise.withResolvers<Told<string>>()
    answer(() => gate.promise)
    const [first, second] = [ask('a'), ask('b')]
    expect(ask('c')).toBe('overload')
    const joined = ask('a')
    gate.resolve(yes('alice'))
    expect(await joined).toEqual({ value: 'alice', stale: false })
    await Promise.all([Promise.resolve(first), Promise.resolve(second)])
    expect(await ask('c')).toEqual({ value: 'alice', stale: false })
    expect(cache.counters.overload).toBe(1)
    expect(cache.figures.pending).toBe(0)
  })
})

describe('a peer that fails', () => {
  it('is unavailable, and the same credential is not asked about again for a moment', async () => {
    const { cache, clock, ask, asked, down, answer } = setUp({ failureMs: 1000 })
    down()
    expect(await ask()).toBe('unavailable')
    expect(ask()).toBe('unavailable')
    expect(asked()).toBe(1)
    expect(cache.lastError).toBe('connection failed (ECONNREFUSED)')
    answer(() => yes('alice'))
    clock.advance(1000)
    expect(await ask()).toEqual({ value: 'alice', stale: false })
    expect(cache.lastError).toBeUndefined()
  })

  it('is left alone after some failures, then asked by one at a time, with longer pauses', async () => {
    const { cache, clock, log, ask, asked, down } = setUp({ breakAfter: 3, minBackoffMs: 1000, maxBackoffMs: 8000 })
    down()
    for (let i = 0; i < 20; i++) await ask(`a${i}`)
    expect(asked()).toBe(3)
    expect([cache.isPaused, cache.isAway]).toEqual([true, true])
    clock.advance(1000)
    await Promise.all(Array.from({ length: 20 }, async (_, i) => ask(`b${i}`)))
    expect(asked()).toBe(4)
    clock.advance(999) // below the shortest second pause, which is half of 2 s
    await ask('c')
    expect(asked()).toBe(4)
    clock.advance(1001)
    await ask('c')
    expect(asked()).toBe(5)
    expect(log.lines.filter((line) => line.includes('left alone'))).toHaveLength(3)
  })

  it('is trusted again after one answer', async () => {
    const { cache, clock, log, ask, asked, down, answer } = setUp({ breakAfter: 3 })
    down()
    for (let i = 0; i < 5; i++) await ask(`a${i}`)
    answer(() => yes('alice'))
    clock.advance(500)
    expect(await ask('b')).toEqual({ value: 'alice', stale: false })
    expect([cache.isPaused, cache.isAway]).toEqual([false, false])
    await Promise.all(Array.from({ length: 10 }, async (_, i) => ask(`c${i}`)))
    expect(asked()).toBe(14)
    expect(log.lines.at(-1)).toContain('answers again')
  })

  it('counts once for all questions that were under way together', async () => {
    const { clock, ask, asked, answer } = setUp({ breakAfter: 3, minBackoffMs: 1000, maxBackoffMs: 60_000 })
    const gate = Promise.withResolvers<Told<string>>()
    answer(() => gate.promise)
    const all = Array.from({ length: 50 }, async (_, i) => ask(`a${i}`))
    gate.reject(new FetchError('no answer within 3000 ms'))
    await Promise.all(all)
    clock.advance(1000) // the first pause, not the fiftieth
    await ask('b')
    expect(asked()).toBe(51)
  })

  it('is not taken for one by credentials that it chokes on', async () => {
    const { cache, ask, asked, down, answer } = setUp({ breakAfter: 3 })
    down(new UnusableAnswerError('HTTP 500'))
    for (let i = 0; i < 20; i++) expect(await ask(`poison${i}`)).toBe('unavailable')
    expect([asked(), cache.isPaused, cache.isAway]).toEqual([20, false, false])
    answer(() => yes('alice'))
    expect(await ask('good')).toEqual({ value: 'alice', stale: false })
  })

  it('is back for all once it says anything, be it about a credential that it chokes on', async () => {
    const { cache, clock, log, ask, down, answer } = setUp({ breakAfter: 3 })
    down()
    for (let i = 0; i < 3; i++) await ask(`a${i}`)
    expect(cache.isAway).toBe(true)
    clock.advance(500)
    down(new UnusableAnswerError('HTTP 500'))
    expect(await ask('poison')).toBe('unavailable')
    expect([cache.isPaused, cache.isAway]).toEqual([false, false])
    expect(log.lines.at(-1)).toContain('answers again')
    answer(() => yes('alice'))
    expect(await ask('good')).toEqual({ value: 'alice', stale: false })
  })

  it.each([401, 407, 429])('is left alone when it refuses us (%i), and is not away', async (status) => {
    const { cache, clock, ask, asked, down } = setUp({ breakAfter: 3 })
    down(statusError(status))
    for (let i = 0; i < 20; i++) expect(await ask(`a${i}`)).toBe('unavailable')
    expect([asked(), cache.isPaused, cache.isAway]).toEqual([3, true, false])
    for (let i = 0; i < 20; i++) {
      clock.advance(10_000)
      await ask(`b${i}`)
    }
    expect([asked(), cache.isAway]).toEqual([23, false])
  })

  it('is neither away nor left alone for a defect of ours', async () => {
    const { cache, ask, down } = setUp({ breakAfter: 3 })
    down(new TypeError('x is not a function'))
    for (let i = 0; i < 10; i++) await ask(`a${i}`)
    expect([cache.isPaused, cache.isAway]).toEqual([false, false])
  })

  it('tells nothing of an unexpected error but its name', async () => {
    const { cache, log, ask, down } = setUp({ breakAfter: 1 })
    down(new SyntaxError('Unexpected token "s3cret"'))
    await ask()
    expect(cache.lastError).toBe('unexpected SyntaxError while asking')
    expect(log.lines.join()).not.toContain('s3cret')
  })
})

describe('a peer that has a question of our own', () => {
  function start(check: () => Promise<unknown>) {
    let checks = 0
    const clock = new FakeClock(5000)
    const cache = new RemoteCache<string>({
      provider: 'corp',
      log: memoryLog(),
      monotonicMs: clock.now,
      limits: { breakAfter: 3 },
      check: () => {
        checks++
        return check()
      },
    })
    const lost = (key: string) => cache.ask(key, () => Promise.reject(new FetchError('connection failed (ECONNRESET)')))
    return { cache, clock, lost, checks: () => checks }
  }

  it('is not away, nor left alone, when it answers that one: the others were about what somebody sent', async () => {
    const { cache, lost, checks } = start(() => Promise.resolve())
    for (let i = 0; i < 7; i++) expect(await lost(`bad ${i}`)).toBe('unavailable')
    expect([cache.isAway, cache.isPaused, checks()]).toEqual([false, false, 2])
    const unusable = start(() => Promise.reject(new UnusableAnswerError('no JSON')))
    for (let i = 0; i < 3; i++) await unusable.lost(`bad ${i}`)
    expect([unusable.cache.isAway, unusable.cache.isPaused]).toEqual([false, false])
  })

  it('is away when that fails too, until it answers again', async () => {
    let there = false
    const { cache, clock, lost, checks } = start(() =>
      there ? Promise.resolve() : Promise.reject(new FetchError('connection failed (ECONNREFUSED)')),
    )
    for (let i = 0; i < 3; i++) await lost(`a ${i}`)
    expect([cache.isAway, checks()]).toEqual([true, 1])
    there = true
    expect(cache.isAway).toBe(true)
    clock.advance(10_000)
    // The one that is let through as a probe may well be one that is objected to.
    await lost('bad')
    expect([cache.isAway, cache.isPaused, checks()]).toEqual([false, false, 2])
  })

  it.each([new FetchError('HTTP 429', { status: 429 }), new TypeError('a defect of ours')])(
    'is left alone, and not away, when that meets %s',
    async (error) => {
      const { cache, lost } = start(() => Promise.reject(error))
      for (let i = 0; i < 3; i++) await lost(`a ${i}`)
      expect([cache.isAway, cache.isPaused]).toEqual([false, true])
    },
  )
})

describe('an old answer', () => {
  it('serves while the peer fails, within its bound', async () => {
    const { cache, clock, ask, answer, down } = setUp({ failureMs: 100 })
    answer(() => yes('alice', { freshMs: 1000, staleMs: 5000 }))
    await ask()
    down()
    clock.advance(1000)
    expect(cache.fresh('k')).toBeUndefined()
    expect(await ask()).toEqual({ value: 'alice', stale: true })
    expect(ask()).toEqual({ value: 'alice', stale: true }) // the question has just failed: not asked again
    clock.advance(5000)
    expect(cache.fresh('k')).toBeUndefined()
    expect(await ask()).toBe('unavailable')
  })

  it('never serves because we are busy: whoever makes us so must not bring back what a question would refuse', async () => {
    const { cache, clock, ask, answer } = setUp({ maxPending: 1 })
    answer(() => yes('alice', { staleMs: 60_000 }))
    await ask('k')
    clock.advance(1000)
    const gate = Promise.withResolvers<Told<string>>()
    answer(() => gate.promise)
    const other = ask('other')
    expect(ask('k')).toBe('overload')
    expect(cache.counters).toMatchObject({ overload: 1, stale: 0 })
    gate.reject(new FetchError('no answer within 2000 ms'))
    expect(await other).toBe('unavailable')
    // The very same entry serves where the peer fails.
    expect(await ask('k')).toEqual({ value: 'alice', stale: true })
  })

  it.each([401, 407, 429])('never serves because the peer has had enough of us (%i), by whomever', async (status) => {
    const { clock, ask, answer, down } = setUp({ breakAfter: 3 })
    answer(() => yes('alice', { staleMs: 60_000 }))
    await ask('k')
    await ask('l')
    clock.advance(1000)
    down(statusError(status))
    // Its own question, and again while that is not put anew.
    expect([await ask('k'), await ask('k')]).toEqual(['unavailable', 'unavailable'])
    for (let i = 0; i < 3; i++) await ask(`made up ${i}`)
    // The pause that others have brought about.
    expect(await ask('l')).toBe('unavailable')
  })

  it('serves through a pause while nobody is there', async () => {
    const { clock, ask, answer, down } = setUp({ breakAfter: 3 })
    answer(() => yes('alice', { staleMs: 60_000 }))
    await ask('k')
    clock.advance(1000)
    down()
    for (let i = 0; i < 3; i++) await ask(`made up ${i}`)
    expect(ask('k')).toEqual({ value: 'alice', stale: true })
  })

  it('never serves without a bound', async () => {
    const { clock, ask, down } = setUp()
    await ask()
    down()
    clock.advance(1000)
    expect(await ask()).toBe('unavailable')
  })
})

it('figures tell what was counted and what is held', async () => {
  const { cache, clock, ask, answer, down } = setUp()
  answer(() => yes('alice', { staleMs: 5000 }))
  await ask('k')
  cache.fresh('k')
  answer(() => no('refused'))
  await ask('bad')
  cache.fresh('bad')
  clock.advance(1000)
  down()
  const late = ask('k')
  expect(cache.figures).toEqual({
    hits: 1,
    negativeHits: 1,
    misses: 3,
    stale: 0,
    ok: 2,
    failed: 0,
    overload: 0,
    entries: 1,
    negativeEntries: 1,
    bytes: 100,
    evictions: 0,
    pending: 1,
  })
  await late
  expect(cache.figures).toMatchObject({ misses: 3, stale: 1, failed: 1, pending: 0 })
})

it('a closed cache asks nobody', async () => {
  const { cache, ask, asked, answer } = setUp()
  let aborted = false
  const late = cache.ask('slow', async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    aborted = true
    throw new FetchError('aborted')
  })
  cache.close()
  expect(await late).toBe('unavailable')
  answer(() => yes('alice'))
  expect(ask()).toBe('unavailable')
  expect([aborted, asked(), cache.lastError]).toEqual([true, 0, undefined])
})
