import { Type, type Value, readValue, skipValue } from './values.ts'
import { type Cursor, MAX_VARINT_BYTES, writeVarint } from './varint.ts'

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

/** A KV-LIST of strings (as STRING, UTF-8) and non-negative numbers (as UINT32): all that HELLO and DISCONNECT need. */
export function encodeKvList(entries: Readonly<Record<string, string | number>>): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(entries)) {
    parts.push(varint(name.length), Buffer.from(name, 'latin1'))
    if (typeof value === 'number') {
      parts.push(Buffer.of(Type.UINT32), varint(value))
    } else {
      const text = Buffer.from(value)
      parts.push(Buffer.of(Type.STRING), varint(text.length), text)
    }
  }
  return Buffer.concat(parts)
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(MAX_VARINT_BYTES)
  return bytes.subarray(0, writeVarint(bytes, 0, value))
}
