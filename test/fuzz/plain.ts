// The grammar of SPOP once more, as plainly as possible and without a line of the library, to disagree with it.
// Readers take a position and return the next one, or BAD.

export const BAD = -1

/** What the last varint() read; inexact above 2^53, where nothing but "too large" is asked of it. */
export let varintValue = 0

/** b0 < 240, or b0 then bytes >= 128 and one below; at most 10 bytes and 2^64-1 (SPOE.txt 3.1). */
export function varint(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return BAD
  varintValue = bytes[at]!
  if (varintValue < 240) return at + 1
  let weight = 16
  let position = at + 1
  for (; ; position++) {
    if (position >= end || position - at === 10) return BAD
    varintValue += bytes[position]! * weight
    weight *= 128
    if (bytes[position]! < 128) break
  }
  if (position - at === 9 && exactVarint(bytes, at, position + 1) >= 2n ** 64n) return BAD
  return position + 1
}

/** The value of a varint that is known to be one. */
export function exactVarint(bytes: Uint8Array, at: number, end: number): bigint {
  let value = BigInt(bytes[at]!)
  for (let i = at + 1; i < end; i++) value += BigInt(bytes[i]!) << BigInt(4 + 7 * (i - at - 1))
  return value
}

/** varint length, bytes */
export function sized(bytes: Uint8Array, at: number, end: number): number {
  const start = varint(bytes, at, end)
  return start === BAD || varintValue > end - start ? BAD : start + varintValue
}

/** type byte, then by its low nibble */
export function typedValue(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return BAD
  const type = bytes[at]! % 16
  if (type < 2) return at + 1
  if (type < 6) return varint(bytes, at + 1, end)
  if (type === 6) return at + 5 <= end ? at + 5 : BAD
  if (type === 7) return at + 17 <= end ? at + 17 : BAD
  return type < 10 ? sized(bytes, at + 1, end) : BAD
}

export function kvList(bytes: Uint8Array, at: number, end: number): boolean {
  while (at !== BAD && at < end) {
    at = sized(bytes, at, end)
    if (at !== BAD) at = typedValue(bytes, at, end)
  }
  return at !== BAD
}

/** @param onName is told where the name of each message lies */
export function messageList(
  bytes: Uint8Array,
  at: number,
  end: number,
  onName?: (start: number, end: number) => void,
): boolean {
  while (at !== BAD && at < end) {
    const start = varint(bytes, at, end)
    if (start === BAD || varintValue > end - start) return false
    at = start + varintValue
    onName?.(start, at)
    if (at >= end) return false
    let left = bytes[at++]!
    for (; left > 0 && at !== BAD; left--) {
      at = sized(bytes, at, end)
      if (at !== BAD) at = typedValue(bytes, at, end)
    }
  }
  return at !== BAD
}

export function actionList(bytes: Uint8Array, at: number, end: number): boolean {
  while (at !== BAD && at < end) {
    if (end - at < 3) return false
    const isSet = bytes[at] === 1 && bytes[at + 1] === 3
    if (!isSet && !(bytes[at] === 2 && bytes[at + 1] === 2)) return false
    if (bytes[at + 2]! > 4) return false
    at = sized(bytes, at + 3, end)
    if (isSet && at !== BAD) at = typedValue(bytes, at, end)
  }
  return at !== BAD
}

/** Where the payload of the frame in `[at, end)` (without LEN) begins, BAD if its header is malformed. */
export function payloadOf(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 5) return BAD
  const frameId = varint(bytes, at + 5, end)
  return frameId === BAD ? BAD : varint(bytes, frameId, end)
}

/** Whether a frame (without LEN) follows the grammar of its type. Pieces of a fragmented one hold anything. */
export function isFrame(bytes: Uint8Array, at: number, end: number): boolean {
  const payload = payloadOf(bytes, at, end)
  if (payload === BAD) return false
  const fin = bytes[at + 4]! % 2 === 1
  switch (bytes[at]) {
    case 1:
    case 2:
    case 101:
    case 102:
      return kvList(bytes, payload, end)
    case 3:
      return !fin || messageList(bytes, payload, end)
    case 103:
      return !fin || actionList(bytes, payload, end)
    default:
      return true
  }
}
