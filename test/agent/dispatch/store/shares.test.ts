import { expect, test } from 'vitest'
import { Shares } from '../../../../agent/dispatch/store/shares.ts'

/** Rows until there is no room for more. */
function fill(shares: Shares, namespace: string, laneOf: (n: number) => string, events = 1, bytes = 1): number {
  let rows = 0
  for (; shares.lacking(namespace, laneOf(rows)) === undefined; rows++) {
    shares.of(namespace, laneOf(rows)).join(events, bytes)
  }
  return rows
}

const ownLane = (n: number): string => `key-${n}`
const most = { parcels: 4000, events: 1e9, bytes: 1e12 }

test('a namespace alone may have three quarters, and every further one has something', () => {
  const shares = new Shares(most)
  const rows = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => fill(shares, name, ownLane))
  expect(rows.slice(0, 3)).toEqual([3000, 750, 188])
  // What each of them has at least.
  for (const one of rows) expect(one).toBeGreaterThanOrEqual(62)
})

test('a lane may have what it leaves free, so that many hot ones leave something to the next', () => {
  const shares = new Shares({ ...most, parcels: 400 })
  expect(['a', 'b', 'c', 'd'].map((lane) => fill(shares, '', () => lane))).toEqual([151, 75, 37, 5])
  expect(shares.lacking('', 'a')).toBe('crowded')
  expect(shares.lacking('', 'e')).toBeUndefined()
})

test('a lane has no more rows than a workflow recognises', () => {
  const shares = new Shares({ ...most, parcels: 1e6 })
  expect(fill(shares, '', () => 'hot')).toBe(1500)
  expect(shares.lacking('', 'other')).toBeUndefined()
  // Rows of no lane are bounded by their namespace only.
  for (let n = 0; n < 2000; n++) shares.of('', '').join(1, 1)
  expect([shares.lacking('', ''), shares.wanted('', '')]).toEqual([undefined, 1500])
})

test.each([
  ['events', { ...most, events: 4000 }, 100, 1],
  ['bytes', { ...most, bytes: 4000 }, 1, 100],
])('%s bound a share as rows do', (_, whole, events, bytes) => {
  const shares = new Shares(whole)
  expect(fill(shares, '', ownLane, events, bytes)).toBe(30)
})

test('nothing is read for a namespace, or a lane, before half of its share is free', () => {
  const shares = new Shares(most)
  expect([shares.isHalfFree(''), shares.wanted('', 'hot')]).toEqual([true, 1500])
  fill(shares, '', () => 'hot')
  const hot = shares.of('', 'hot')
  expect(shares.wanted('', 'hot')).toBe(0)
  while (hot.rows > 750) hot.leave(1, 1)
  expect(shares.wanted('', 'hot')).toBe(750)
  fill(shares, '', ownLane)
  expect([shares.isHalfFree(''), shares.wanted('', 'hot')]).toEqual([false, 0])
  for (let n = 0; n < 1500; n++) shares.of('', ownLane(n)).leave(1, 1)
  expect(shares.isHalfFree('')).toBe(true)
})

test('what is held back takes nothing, and lanes that hold nothing are forgotten', () => {
  const shares = new Shares(most)
  const lane = shares.of('', 'hot')
  for (let n = 0; n < 5000; n++) {
    lane.join(1, 1)
    lane.hold(1, 1)
  }
  expect([lane.rows, lane.weight, shares.lacking('', 'hot')]).toEqual([0, 0, undefined])
  for (let n = 0; n < 5000; n++) {
    lane.release(1, 1)
    lane.leave(1, 1)
    expect(shares.lanes).toBe(n < 4999 ? 1 : 0)
  }
})
