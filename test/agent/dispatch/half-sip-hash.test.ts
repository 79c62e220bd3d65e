import { expect, test } from 'vitest'
import { halfSipHash } from '../../../agent/dispatch/half-sip-hash.ts'

test('the reference vectors of HalfSipHash-2-4 come out, wherever the bytes lie', () => {
  // Key 00 … 07, messages '', 00, 00 01, …
  const vectors = [
    0x5b9f35a9, 0xb85a4727, 0x03a662fa, 0x04e7fe8a, 0x89466e2a, 0x69b6fac5, 0x23fc6358, 0xc563cf8b, 0x8f84b8d0,
    0x79e706f8, 0x3479b094, 0x50300808, 0x2f87f057, 0xff63e677, 0x7cf8ffd6, 0x972bfe74, 0x84acb5d9,
  ]
  const bytes = Buffer.from(Array.from({ length: 20 }, (_, i) => i - 3))
  const hashes = vectors.map((_, length) => halfSipHash(bytes, 3, 3 + length, 0x03020100, 0x07060504, 2, 4) >>> 0)
  expect(hashes).toEqual(vectors)
})
