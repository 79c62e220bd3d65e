// A second, deliberately plain implementation of the wire format, so that the library is not tested against itself.

/** Varint after the pseudo code of SPOE.txt 3.1, in bigints. */
export function varint(value: bigint | number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value))
  if (rest < 240n) return Buffer.of(Number(rest))
  const bytes = [Number(rest % 256n) | 240]
  rest = (rest - 240n) >> 4n
  while (rest >= 128n) {
    bytes.push(Number(rest % 256n) | 128)
    rest = (rest - 128n) >> 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

export function readVarint(buffer: Uint8Array, at: number): { value: bigint; at: number } {
  let value = BigInt(buffer[at]!)
  if (buffer[at++]! < 240) return { value, at }
  for (let shift = 4n; ; shift += 7n) {
    const byte = buffer[at++]!
    value += BigInt(byte) << shift
    if (byte < 128) return { value, at }
  }
}

export function text(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value
  return Buffer.concat([varint(bytes.length), bytes])
}

export const typed = {
  null: (): Buffer => Buffer.of(0),
  bool: (value: boolean): Buffer => Buffer.of(value ? 0x11 : 0x01),
  int32: (value: bigint | number): Buffer => Buffer.concat([Buffer.of(2), varint(value)]),
  uint32: (value: bigint | number): Buffer => Buffer.concat([Buffer.of(3), varint(value)]),
  int64: (value: bigint | number): Buffer => Buffer.concat([Buffer.of(4), varint(value)]),
  uint64: (value: bigint | number): Buffer => Buffer.concat([Buffer.of(5), varint(value)]),
  ipv4: (...bytes: number[]): Buffer => Buffer.of(6, ...bytes),
  ipv6: (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.of(7), bytes]),
  string: (value: string | Uint8Array): Buffer => Buffer.concat([Buffer.of(8), text(value)]),
  binary: (value: Uint8Array): Buffer => Buffer.concat([Buffer.of(9), text(value)]),
}

export function frame(type: number, payload: Uint8Array, ids: Uint8Array = Buffer.of(0, 0), flags = 1): Buffer {
  const head = Buffer.alloc(9)
  head.writeUInt32BE(5 + ids.length + payload.length)
  head[4] = type
  head.writeUInt32BE(flags, 5)
  return Buffer.concat([head, ids, payload])
}

export function kv(entries: Readonly<Record<string, Buffer>>): Buffer {
  return Buffer.concat(Object.entries(entries).flatMap(([name, value]) => [text(name), value]))
}

const HELLO = {
  'supported-versions': typed.string('2.0'),
  'max-frame-size': typed.uint32(16380),
  capabilities: typed.string('pipelining'),
  'engine-id': typed.string('test'),
}

/** HAPROXY-HELLO; a key set to undefined is left out. */
export function hello(changes: Readonly<Record<string, Buffer | undefined>> = {}): Buffer {
  const entries = Object.entries({ ...HELLO, ...changes }).filter(
    (entry): entry is [string, Buffer] => entry[1] !== undefined,
  )
  return frame(1, kv(Object.fromEntries(entries)))
}

export function messageBytes(name: string, args: Readonly<Record<string, Buffer>> = {}): Buffer {
  const list = Object.entries(args)
  return Buffer.concat([text(name), Buffer.of(list.length), ...list.flatMap(([arg, value]) => [text(arg), value])])
}

/** NOTIFY with the given ids, stream 1 and frame 1 unless told. */
export function notify(
  messages: readonly Buffer[],
  streamId: bigint | number = 1,
  frameId: bigint | number = 1,
): Buffer {
  return frame(3, Buffer.concat(messages), Buffer.concat([varint(streamId), varint(frameId)]))
}

export interface DecodedFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: bigint
  readonly frameId: bigint
  readonly payload: Buffer
}

/** All frames of a byte stream; throws on anything left over. */
export function frames(bytes: Buffer): DecodedFrame[] {
  const list: DecodedFrame[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new Error('half a frame')
    const streamId = readVarint(bytes, at + 9)
    const frameId = readVarint(bytes, streamId.at)
    list.push({
      type: bytes[at + 4]!,
      flags: bytes.readUInt32BE(at + 5),
      streamId: streamId.value,
      frameId: frameId.value,
      payload: bytes.subarray(frameId.at, end),
    })
    at = end
  }
  return list
}

const SCOPE_NAMES = ['proc', 'sess', 'txn', 'req', 'res']

function readTyped(bytes: Buffer, at: number): { value: unknown; at: number } {
  const type = bytes[at]! & 15
  if (type === 0) return { value: null, at: at + 1 }
  if (type === 1) return { value: bytes[at] === 0x11, at: at + 1 }
  if (type <= 5) {
    const number = readVarint(bytes, at + 1)
    return { value: type === 3 ? number.value : BigInt.asIntN(64, number.value), at: number.at }
  }
  if (type <= 7) {
    const end = at + 1 + (type === 6 ? 4 : 16)
    return { value: bytes.subarray(at + 1, end).toString('hex'), at: end }
  }
  const length = readVarint(bytes, at + 1)
  const end = length.at + Number(length.value)
  const content = bytes.subarray(length.at, end)
  return { value: type === 8 ? content.toString('utf8') : content, at: end }
}

/** Actions of an ACK as `set txn.name` / `unset txn.name` with their values (integers as bigint). */
export function actions(payload: Buffer): [string, unknown][] {
  const list: [string, unknown][] = []
  for (let at = 0; at < payload.length;) {
    const verb = payload[at] === 1 ? 'set' : 'unset'
    const scope = SCOPE_NAMES[payload[at + 2]!]
    const length = readVarint(payload, at + 3)
    const nameEnd = length.at + Number(length.value)
    const name = `${verb} ${scope}.${payload.subarray(length.at, nameEnd).toString('latin1')}`
    const value = verb === 'set' ? readTyped(payload, nameEnd) : { value: undefined, at: nameEnd }
    list.push([name, value.value])
    at = value.at
  }
  return list
}

export function keyValues(payload: Buffer): Record<string, unknown> {
  const entries: [string, unknown][] = []
  for (let at = 0; at < payload.length;) {
    const length = readVarint(payload, at)
    const nameEnd = length.at + Number(length.value)
    const value = readTyped(payload, nameEnd)
    entries.push([payload.subarray(length.at, nameEnd).toString('latin1'), value.value])
    at = value.at
  }
  return Object.fromEntries(entries)
}
