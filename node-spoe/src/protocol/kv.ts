import { type Value, readValue, skipValue } from './values.ts'
import type { Cursor } from './varint.ts'

/** One value of a KV-LIST with its type. */
export interface KvEntry {
  readonly type: number
  readonly value: Value
}

/**
 * KV-LIST  (name value)*     up to the end of the frame, in any order (SPOE.txt 3.2.4)
 * name     varint length, bytes
 * value    typed data
 *
 * Handshakes are rare, so this one builds a map. The first of two equal names counts.
 */
export function readKvList(cursor: Cursor): Map<string, KvEntry> {
  const list = new Map<string, KvEntry>()
  const buffer = Buffer.from(cursor.buffer.buffer, cursor.buffer.byteOffset, cursor.buffer.byteLength)
  while (cursor.position < cursor.end) {
    const nameStart = cursor.skip(cursor.varint('a key length'), 'a key')
    const name = buffer.toString('latin1', nameStart, cursor.position)
    const typeByte = cursor.byte('a type')
    const start = skipValue(cursor, typeByte)
    if (!list.has(name)) {
      list.set(name, { type: typeByte & 0x0f, value: readValue(typeByte, buffer, start, cursor.position) })
    }
  }
  return list
}
