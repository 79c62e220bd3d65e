import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MeterBatch } from '../../../../agent/messages.ts'
import { batchId, batchText, chunkBytes } from '../../../../agent/dispatch/ship/batch.ts'
import { chunk, recordOf } from './support/parcels.ts'

test('a batch holds all records in order, and of which chunks they are', () => {
  const chunks = [chunk(1, 2), chunk(3, 1), chunk(4, 3)]
  const batch: MeterBatch = {
    rule: 'usage',
    key: 'ac"mé',
    records: [1, 2, 3, 4, 5, 6].map(recordOf),
    chunks: chunks.map(({ id, events }) => ({ id, records: events })),
  }
  expect(JSON.parse(batchText('usage', 'ac"mé', chunks))).toEqual(batch)
})

test('two batches have the same id exactly when they hold the same chunks', () => {
  const numbers = fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const same = batchId(a.map((n) => chunk(n))) === batchId(b.map((n) => chunk(n)))
      expect(same).toBe(JSON.stringify(a) === JSON.stringify(b))
    }),
  )
})

test('a batch takes no more bytes than its chunks were counted with', () => {
  const bodies = fc.array(fc.record({ text: fc.string({ unit: 'grapheme' }), n: fc.integer({ min: 1, max: 1000 }) }), {
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(bodies, (made) => {
      const chunks = made.map(({ text, n }, i) => chunk(i, 1, { body: JSON.stringify({ text }), events: n }))
      const counted = chunks.reduce((sum, one) => sum + chunkBytes(one), 0)
      const frame = batchText('usage', 'k', []).length
      expect(Buffer.byteLength(batchText('usage', 'k', chunks))).toBeLessThanOrEqual(counted + frame)
    }),
  )
})
