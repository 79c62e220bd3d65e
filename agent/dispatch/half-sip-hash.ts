/**
 * HalfSipHash-1-3 of some bytes with a key of 64 bits, in two numbers: a hash of 32 bits whose collisions nobody can
 * prepare who does not know the key. Source: the reference implementation by Aumasson and Bernstein, whose test vectors are
 * for 2-4 and pass here with those rounds.
 *
 * @param k0 @param k1 the key, 32 bits each @param compress @param finish rounds
 * @returns a signed number of 32 bits
 */
export function halfSipHash(
  bytes: Uint8Array,
  from: number,
  to: number,
  k0: number,
  k1: number,
  compress = 1,
  finish = 3,
): number {
  let v0 = k0
  let v1 = k1
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const length = to - from
  const blocks = (length >> 2) + 1
  let rounds = compress
  for (let block = 0, at = from; block <= blocks; block++, at += 4) {
    let word = 0
    if (block < blocks - 1) {
      word =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
    } else if (block === blocks - 1) {
      // What is left of the bytes, and their number above.
      word = length << 24
      for (let i = 0; at + i < to; i++) word |= (bytes[at + i] as number) << (8 * i)
    } else {
      v2 ^= 0xff
      rounds = finish
    }
    v3 ^= word
    for (let round = 0; round < rounds; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    v0 ^= word
  }
  return v1 ^ v3
}
