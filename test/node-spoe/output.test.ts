import { expect, test } from 'vitest'
import { Output, OutputPool } from '../../node-spoe/src/output.ts'

test('what was appended is taken in order, across every growth', () => {
  const output = new Output(new OutputPool())
  const parts = [1, 16_000, 500, 100_000, 7].map((length, i) => Buffer.alloc(length, i + 1))
  for (const part of parts) output.append(part)
  const { length } = output
  expect(output.take().subarray(0, length)).toEqual(Buffer.concat(parts))
  expect(output.length).toBe(0)
})

test('a buffer that was given back is used again, one that grew is not kept', () => {
  const pool = new OutputPool()
  const first = new Output(pool)
  first.append(Buffer.of(1))
  const bytes = first.take()
  pool.give(bytes)
  const second = new Output(pool)
  second.append(Buffer.of(2))
  expect(second.take()).toBe(bytes)
  first.append(Buffer.alloc(100_000))
  const big = first.take()
  pool.give(big)
  second.append(Buffer.of(3))
  expect(second.take()).not.toBe(big)
})

test('a buffer that a socket still holds is not handed out', () => {
  const output = new Output(new OutputPool())
  output.append(Buffer.of(1))
  const held = output.take()
  output.append(Buffer.of(2))
  expect(held[0]).toBe(1)
  expect(output.take()).not.toBe(held)
})
