import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { AlbKeyCache } from '../../../../agent/identity/alb/key-cache.ts'
import { FetchError } from '../../../../agent/identity/http/fetch-error.ts'
import { statusError } from '../../../../agent/identity/remote/failure.ts'
import { FakeClock, memoryLog } from '../support/provider.ts'
import { testKey } from '../support/tokens.ts'

const DAY = 24 * 3_600_000
const PEM = createPublicKey(testKey('ES256').privateKey).export({ type: 'spki', format: 'pem' }) as string

/** Keys with a place that answers as told and counts, and a clock that stands still. */
function setUp() {
  const clock = new FakeClock(1000)
  let [fetches, ids] = [0, 0]
  let answer: () => string | undefined = () => PEM
  const keys = new AlbKeyCache({
    provider: 'users',
    log: memoryLog(),
    monotonicMs: clock.now,
    fetchPem: async () => {
      fetches++
      return answer()
    },
  })
  return {
    clock,
    keys,
    fetches: () => fetches,
    answer: (next: typeof answer) => {
      answer = next
    },
    failing: (error: Error) => {
      answer = () => {
        throw error
      }
    },
    /** Ids that were never seen before, as many as may be looked up at once. */
    askNew: async (times = 10): Promise<void> => {
      for (let i = 0; i < times; i++) await keys.get(`https://keys.example/new-${++ids}`)
    },
  }
}

describe('the place of the keys is away', () => {
  it.each([
    new FetchError('connection failed (ECONNREFUSED)'),
    new FetchError('no answer within 3000 ms'),
    statusError(503),
  ])('after some failures in a row (%s), and is left alone then', async (error) => {
    const { keys, askNew, failing, fetches } = setUp()
    failing(error)
    await askNew(4)
    expect(keys.isAway).toBe(false)
    await askNew(6)
    expect([keys.isAway, fetches()]).toEqual([true, 5])
    expect(keys.status()).toMatchObject({ keys: 0, ageS: null, lastError: error.message })
  })

  it('no longer once it answers, be it that there is no such key', async () => {
    const { keys, clock, askNew, failing, answer } = setUp()
    failing(statusError(502))
    await askNew()
    expect(keys.isAway).toBe(true)
    answer(() => undefined)
    clock.advance(1000)
    await askNew(1)
    expect(keys.isAway).toBe(false)
  })

  it.each([400, 401, 405, 429, 500])('not by answers %i: ids are the client’s text', async (status) => {
    const { keys, askNew, failing } = setUp()
    failing(statusError(status))
    await askNew()
    expect(keys.isAway).toBe(false)
  })

  it('not by answers that hold no key, nor by ids that nobody has', async () => {
    const { keys, askNew, answer } = setUp()
    answer(() => 'hello')
    await askNew(5)
    answer(() => undefined)
    await askNew(5)
    expect(keys.isAway).toBe(false)
  })

  it('not while there is a key: its tokens can be proven, and who makes up an id must not get in', async () => {
    const { keys, clock, askNew, failing } = setUp()
    expect(await keys.get('https://keys.example/k')).toBeTypeOf('object')
    failing(new FetchError('connection failed (ECONNREFUSED)'))
    await askNew()
    expect([keys.isAway, keys.status().keys]).toEqual([false, 1])
    clock.advance(DAY)
    expect([keys.isAway, keys.status().keys]).toEqual([true, 0])
  })

  it('again when its only key is gone', async () => {
    const { keys, clock, askNew, failing, answer } = setUp()
    await keys.get('https://keys.example/k')
    answer(() => undefined)
    clock.advance(3_600_000)
    expect(keys.get('https://keys.example/k')).toBeTypeOf('object') // looked up anew behind this answer
    await askNew(1)
    expect(await keys.get('https://keys.example/k')).toBe('unknown_key')
    failing(statusError(503))
    await askNew(9)
    expect(keys.isAway).toBe(true)
  })
})

it('an id that gets no usable answer is left alone for a second, and the others are not', async () => {
  const { keys, clock, failing, answer, fetches } = setUp()
  failing(statusError(400))
  for (let i = 0; i < 3; i++) expect(await keys.get('https://keys.example/bad')).toBe('keys_unavailable')
  expect(fetches()).toBe(1)
  answer(() => PEM)
  expect(await keys.get('https://keys.example/good')).toBeTypeOf('object')
  expect(await keys.get('https://keys.example/bad')).toBe('keys_unavailable')
  clock.advance(1000)
  expect(await keys.get('https://keys.example/bad')).toBeTypeOf('object')
})
