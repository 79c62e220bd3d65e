import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DelayHeap } from '../../../agent/dispatch/delay-heap.ts'

test('values come out by due time and never before it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { maxLength: 100 }), fc.nat(100), (dues, now) => {
      const heap = new DelayHeap<number>()
      for (const due of dues) heap.push(due, due)
      expect(heap.firstDue()).toBe(dues.length === 0 ? undefined : Math.min(...dues))
      const out: number[] = []
      for (let due = heap.popDue(now); due !== undefined; due = heap.popDue(now)) out.push(due)
      expect(out).toEqual(dues.filter((due) => due <= now).toSorted((a, b) => a - b))
      expect(heap.size).toBe(dues.length - out.length)
    }),
  )
})

test('what is not retained is gone, and the rest comes out by due time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { maxLength: 100 }), fc.nat(100), (dues, least) => {
      const heap = new DelayHeap<number>()
      for (const due of dues) heap.push(due, due)
      heap.retain((due) => due >= least)
      const out: number[] = []
      for (let due = heap.popDue(100); due !== undefined; due = heap.popDue(100)) out.push(due)
      expect(out).toEqual(dues.filter((due) => due >= least).toSorted((a, b) => a - b))
    }),
  )
})
