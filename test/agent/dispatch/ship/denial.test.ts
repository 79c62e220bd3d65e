import { expect, test } from 'vitest'
import { Denial } from '../../../../agent/dispatch/ship/denial.ts'
import { job, parcel } from './support/parcels.ts'

const NOW = 1_700_000_000_000
const young = (n: number) => job([parcel(n, { at: NOW })], { maxAgeMs: 1_000 })
const old = (n: number) => job([parcel(n, { at: NOW - 1_001 })], { maxAgeMs: 1_000 })

test('what was refused itself tries last', () => {
  const denial = new Denial('kill', 0)
  const [refused, first, second] = [young(1), young(2), young(3)]
  denial.refuse(refused)
  denial.hold(first)
  denial.hold(second)
  expect(denial.size).toBe(3)
  expect([1, 2, 3, 4].map(() => denial.take(NOW))).toEqual([first, second, refused, undefined])
})

test('what is too old comes out first, and tells why it has waited', () => {
  const denial = new Denial('kill', 0)
  denial.reason = 'PERMISSION_DENIED: no'
  const [refused, held, fresh] = [old(1), old(2), young(3)]
  denial.hold(held)
  denial.hold(fresh)
  denial.refuse(refused)
  expect([1, 2, 3].map(() => denial.take(NOW))).toEqual([refused, held, fresh])
  expect(held.lastReason).toBe('PERMISSION_DENIED: no')
})

test('all come out in their order, refused ones first, which are the older ones', () => {
  const denial = new Denial('kill', 0)
  const jobs = [young(1), young(2), young(3)]
  denial.hold(jobs[1]!)
  denial.hold(jobs[2]!)
  denial.refuse(jobs[0]!)
  expect(denial.takeAll()).toEqual(jobs)
  expect(denial.size).toBe(0)
})
