import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Frame,
  type FrameInput,
  type NamedValue,
  type TypedValue,
  SpopError,
  decodeFrame,
  decodeMessages,
  decodeStream,
  decodeVarint,
  encodeFrame,
  encodeMessages,
  encodeVarint,
  inspectFrame,
} from 'node-spoe/protocol'
import { type VectorFrame, type VectorValue, golden, vectors } from '../support/vectors.ts'
import { frame as wireFrame, hello, kv, messageBytes, notify, text, typed, varint } from '../support/wire.ts'

const FLAGS = { fin: true, abort: false, raw: 1 }

/** A value of the vectors file in the codec's form. */
function expectedValue(entry: VectorValue): unknown {
  const type = entry.type.toUpperCase()
  const { name } = entry
  if (type === 'BINARY') return { name, type, value: Buffer.from(entry.valueHex ?? '', 'hex') }
  if (type === 'STRING' && entry.valueHex !== undefined) {
    return { name, type, value: Buffer.from(entry.valueHex, 'hex').toString('latin1') }
  }
  if (type === 'STRING') return { name, type, value: Buffer.from(String(entry.value)).toString('latin1') }
  if (type.includes('INT')) {
    const wide = BigInt(entry.value as string)
    return { name, type, value: Number.isSafeInteger(Number(wide)) ? Number(wide) : wide }
  }
  return { name, type, value: entry.value }
}

function expectedBody({ hex, decoded }: VectorFrame): object {
  const payload = Buffer.from(decoded.payloadHex ?? '', 'hex')
  if (decoded.type === 'UNSET') return { payload }
  if (!decoded.flags.includes('FIN')) return { messages: [], payload }
  if (decoded.kv !== undefined) return { kv: decoded.kv.map(expectedValue) }
  if (decoded.messages !== undefined) {
    return { messages: decoded.messages.map(({ name, args }) => ({ name, args: args.map(expectedValue) })) }
  }
  if (decoded.actions === undefined) throw new Error(`nothing decoded: ${hex}`)
  return {
    actions: decoded.actions.map((entry) => ({
      action: entry.action,
      scope: entry.scope,
      ...(entry.action === 'set-var' ? (expectedValue(entry) as object) : { name: entry.name }),
    })),
  }
}

function id(value: string): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value)
}

describe('golden frames', () => {
  test.each(vectors.frames.map((vector) => [vector.name, vector] as const))('%s, decoded and encoded', (_, vector) => {
    const bytes = Buffer.from(vector.hex, 'hex')
    const frame = decodeFrame(bytes, 4)
    const fin = vector.decoded.flags.includes('FIN')
    const abort = vector.decoded.flags.includes('ABORT')
    expect(frame).toEqual({
      type: vector.decoded.type,
      flags: { fin, abort, raw: Number(fin) + 2 * Number(abort) },
      streamId: id(vector.decoded.streamId),
      frameId: id(vector.decoded.frameId),
      ...expectedBody(vector),
    })
    expect(encodeFrame(frame)).toEqual(bytes)
  })

  test('a byte stream of all of them is decoded in one go', () => {
    const bytes = Buffer.concat(vectors.frames.map((vector) => Buffer.from(vector.hex, 'hex')))
    expect(decodeStream(bytes).map((frame) => frame.type)).toEqual(vectors.frames.map((v) => v.decoded.type))
    expect(() => decodeStream(bytes.subarray(0, -1))).toThrow(expect.objectContaining({ code: 'ERR_SPOP_TRUNCATED' }))
    expect(() => decodeStream(Buffer.from('GET / HTTP/1.1'))).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_FRAME_TOO_BIG' }),
    )
  })

  test('a NOTIFY put together from its fragments is decoded like a whole one', () => {
    const pieces = ['notify fragment, first', 'notify fragment, last'].map((name) => decodeFrame(golden(name), 4))
    const payload = Buffer.concat(pieces.map((piece) => ('payload' in piece ? piece.payload! : Buffer.alloc(0))))
    const [message] = decodeMessages(payload)
    expect(message?.args.map((arg) => arg.name)).toEqual(['ip', 'auth', 'path'])
    expect(encodeMessages(decodeMessages(payload))).toEqual(payload)
  })
})

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
const octets = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))

function integers(min: bigint, max: bigint): fc.Arbitrary<number | bigint> {
  return fc.bigInt({ min, max }).map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))
}

const signed = integers(-(2n ** 63n), 2n ** 63n - 1n)
const unsigned = integers(0n, 2n ** 64n - 1n)
const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16))

const typedValue: fc.Arbitrary<TypedValue> = fc.oneof(
  fc.constant<TypedValue>({ type: 'NULL', value: null }),
  fc.boolean().map((value): TypedValue => ({ type: 'BOOL', value })),
  fc.record({ type: fc.constantFrom('INT32' as const, 'INT64' as const), value: signed }),
  fc.record({ type: fc.constantFrom('UINT32' as const, 'UINT64' as const), value: unsigned }),
  fc.ipV4().map((value): TypedValue => ({ type: 'IPV4', value })),
  fc
    .array(group, { minLength: 8, maxLength: 8 })
    .map((groups): TypedValue => ({ type: 'IPV6', value: groups.join(':') })),
  fc.ipV4().map((value): TypedValue => ({ type: 'IPV6', value: `::ffff:${value}` })),
  latin1.map((value): TypedValue => ({ type: 'STRING', value })),
  octets.map((value): TypedValue => ({ type: 'BINARY', value })),
)
const named: fc.Arbitrary<NamedValue> = fc.tuple(latin1, typedValue).map(([name, value]) => ({ name, ...value }))
const flags = fc
  .nat({ max: 2 ** 30 - 1 })
  .map((raw) => raw * 4 + 1)
  .map((raw) => ({ fin: true, abort: false, raw }))
const scope = fc.constantFrom('proc' as const, 'sess' as const, 'txn' as const, 'req' as const, 'res' as const)
const head = { flags, streamId: unsigned, frameId: unsigned }
const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constantFrom(
      'HAPROXY-HELLO' as const,
      'HAPROXY-DISCONNECT' as const,
      'AGENT-HELLO' as const,
      'AGENT-DISCONNECT' as const,
    ),
    ...head,
    kv: fc.array(named),
  }),
  fc.record({
    type: fc.constant('NOTIFY' as const),
    ...head,
    messages: fc.array(fc.record({ name: latin1, args: fc.array(named, { maxLength: 20 }) }), { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('ACK' as const),
    ...head,
    actions: fc.array(
      fc.oneof(
        fc.record({ action: fc.constant('unset-var' as const), scope, name: latin1 }),
        fc.tuple(scope, named).map(([where, value]) => ({ action: 'set-var' as const, scope: where, ...value })),
      ),
    ),
  }),
  fc.record({ type: fc.constant('UNSET' as const), ...head, payload: octets }),
  fc.record({
    type: fc.constant('UNKNOWN' as const),
    ...head,
    typeCode: fc.integer({ min: 4, max: 100 }),
    payload: octets,
  }),
)

describe('any frame', () => {
  test('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        expect(decodeFrame(encodeFrame(frame), 4)).toEqual(frame)
      }),
    )
  })

  test('is read wherever it lies in a buffer, and does not point into it', () => {
    fc.assert(
      fc.property(anyFrame, octets, octets, (frame, before, after) => {
        const bytes = encodeFrame(frame)
        const buffer = Buffer.concat([before, bytes, after])
        const decoded = decodeFrame(buffer, before.length + 4, before.length + bytes.length)
        buffer.fill(0xaa)
        expect(decoded).toEqual(frame)
      }),
    )
  })

  test('cut short anywhere keeps what was decoded before the cut', () => {
    const bytes = golden('notify ten arguments')
    const whole = decodeFrame(bytes, 4)
    const args = whole.type === 'NOTIFY' ? whole.messages[0]!.args : []
    for (let end = 5; end < bytes.length; end++) {
      const { frame, error, errorOffset } = inspectFrame(bytes, 4, end)
      if (error === undefined) {
        // Cut right before a message, the list is a shorter one, and a legal one.
        expect(end).toBe(11)
        continue
      }
      expect(error.code).toBe('ERR_SPOP_TRUNCATED')
      expect(error.offset).toBe(errorOffset)
      expect(errorOffset).toBeGreaterThanOrEqual(4)
      expect(errorOffset).toBeLessThanOrEqual(end)
      if (frame?.type === 'NOTIFY' && frame.messages.length > 0) {
        const read = frame.messages[0]!.args
        expect(read).toEqual(args.slice(0, read.length))
      }
    }
  })

  test('of random bytes is decoded or refused with an error of the table, and never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 2, 3, 101, 102, 103, 200), octets, (type, payload) => {
        const bytes = wireFrame(type, payload)
        const { frame, error, errorOffset } = inspectFrame(bytes, 4)
        if (error === undefined) {
          expect(decodeFrame(encodeFrame(frame!), 4)).toEqual(frame)
        } else {
          expect(error).toBeInstanceOf(SpopError)
          expect(error.code).not.toBe('ERR_SPOP_INTERNAL')
          expect(errorOffset).toBeLessThanOrEqual(bytes.length)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('of random bytes from the type on never throws', () => {
    fc.assert(
      fc.property(octets, (bytes) => {
        const { frame, error } = inspectFrame(bytes)
        expect(frame !== undefined || error !== undefined).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('what another implementation encoded', () => {
  test('is read by this one', () => {
    expect(decodeFrame(hello({ 'max-frame-size': typed.uint64(2n ** 64n - 1n) }), 4)).toMatchObject({
      type: 'HAPROXY-HELLO',
      kv: [{ name: 'supported-versions', type: 'STRING', value: '2.0' }, { value: 2n ** 64n - 1n }, {}, {}],
    })
    const args = { b: typed.bool(true), i: typed.int32(-7), s: typed.string(Buffer.of(0xe9)), n: typed.null() }
    expect(decodeFrame(notify([messageBytes('m', args)], 2n ** 64n - 1n, 0), 4)).toEqual({
      type: 'NOTIFY',
      flags: FLAGS,
      streamId: 2n ** 64n - 1n,
      frameId: 0,
      messages: [
        {
          name: 'm',
          args: [
            { name: 'b', type: 'BOOL', value: true },
            { name: 'i', type: 'INT32', value: -7 },
            { name: 's', type: 'STRING', value: 'é' },
            { name: 'n', type: 'NULL', value: null },
          ],
        },
      ],
    })
  })

  test('with unusual flag nibbles in its values survives the round trip', () => {
    const bytes = wireFrame(1, kv({ t: Buffer.of(0x21), s: Buffer.from('1801ff', 'hex'), n: Buffer.of(0xf0) }))
    const frame = decodeFrame(bytes, 4)
    expect(frame).toMatchObject({
      kv: [
        { name: 't', type: 'BOOL', value: false, valueFlags: 2 },
        { name: 's', type: 'STRING', value: 'ÿ', valueFlags: 1 },
        { name: 'n', type: 'NULL', value: null, valueFlags: 15 },
      ],
    })
    expect(encodeFrame(frame)).toEqual(bytes)
  })
})

describe('inspectFrame says where decoding stopped', () => {
  const good = Buffer.from('0103020161', 'hex')

  test.each([
    ['an action of an unknown type', Buffer.concat([good, Buffer.of(0x11, 7, 3)]), 6, 'ERR_SPOP_ACTION'],
    ['a wrong number of arguments', Buffer.concat([good, Buffer.of(0x11, 1, 2)]), 7, 'ERR_SPOP_ACTION'],
    ['an unknown scope', Buffer.concat([good, Buffer.of(0x11, 1, 3, 9)]), 8, 'ERR_SPOP_ACTION'],
    ['a reserved value type', Buffer.concat([good, Buffer.of(0x11, 1, 3, 2, 1, 0x62, 12)]), 11, 'ERR_SPOP_VALUE_TYPE'],
    ['a name cut short', Buffer.concat([good, Buffer.of(0x11, 1, 3, 2, 9, 0x62)]), 9, 'ERR_SPOP_TRUNCATED'],
    ['a trailing zero byte', Buffer.concat([good, Buffer.of(0x11, 0)]), 6, 'ERR_SPOP_ACTION'],
  ])('%s: the actions before it are there', (_, payload, at, code) => {
    const bytes = wireFrame(103, payload, Buffer.of(1, 1))
    const { frame, error, errorOffset } = inspectFrame(bytes, 4)
    expect(frame).toMatchObject({
      type: 'ACK',
      actions: [{ action: 'set-var', scope: 'txn', name: 'a', type: 'BOOL', value: true }],
    })
    expect(error).toMatchObject({ code, offset: 11 + at })
    expect(errorOffset).toBe(11 + at)
    expect(() => decodeFrame(bytes, 4)).toThrow(expect.objectContaining({ code, offset: 11 + at }))
  })

  test('in the header there is no frame yet', () => {
    expect(inspectFrame(Buffer.alloc(0))).toMatchObject({ frame: undefined, errorOffset: 0 })
    expect(inspectFrame(Buffer.of(3, 0, 0))).toMatchObject({ frame: undefined, errorOffset: 1 })
    const overlong = Buffer.concat([Buffer.of(3, 0, 0, 0, 1), Buffer.from('f080808080808080808000', 'hex')])
    expect(inspectFrame(overlong)).toMatchObject({
      frame: undefined,
      error: { code: 'ERR_SPOP_VARINT' },
      errorOffset: 5,
    })
  })

  test('a frame whose end lies behind the buffer is truncated, not read beyond', () => {
    expect(inspectFrame(hello(), 4, 10_000).error).toBeUndefined()
    expect(inspectFrame(hello().subarray(0, 40), 4, 127).error?.code).toBe('ERR_SPOP_TRUNCATED')
  })
})

describe('encodeFrame', () => {
  test('takes ids as 0 and flags as FIN where none are given', () => {
    expect(encodeFrame({ type: 'NOTIFY', messages: [] }).toString('hex')).toBe('0000000703000000010000')
  })

  test('lets fin and abort decide over their bits and keeps the reserved ones', () => {
    const sent = (flagsIn: FrameInput['flags']): number =>
      encodeFrame({ type: 'UNSET', payload: Buffer.alloc(0), ...(flagsIn && { flags: flagsIn }) }).readUInt32BE(5)
    expect(sent({ raw: 0xffffffff, fin: false })).toBe(0xfffffffe)
    expect(sent({ abort: true })).toBe(3)
    expect(sent({ raw: 8 })).toBe(8)
  })

  const kvFrame = (entry: unknown): FrameInput => ({ type: 'AGENT-HELLO', kv: [entry as NamedValue] })
  test.each<[string, FrameInput]>([
    ['a character above U+00FF', kvFrame({ name: 'a', type: 'STRING', value: '€' })],
    ['such a character in a name', kvFrame({ name: '€', type: 'NULL', value: null })],
    ['a fraction', kvFrame({ name: 'a', type: 'INT64', value: 0.5 })],
    ['a number beyond 2^53', kvFrame({ name: 'a', type: 'INT64', value: 2 ** 53 })],
    ['a negative unsigned integer', kvFrame({ name: 'a', type: 'UINT32', value: -1 })],
    ['an integer above 64 bits', kvFrame({ name: 'a', type: 'INT64', value: 2n ** 63n })],
    ['an IPv6 address as IPV4', kvFrame({ name: 'a', type: 'IPV4', value: '::1' })],
    ['no address', kvFrame({ name: 'a', type: 'IPV6', value: 'localhost' })],
    ['an unknown value type', kvFrame({ name: 'a', type: 'constructor', value: 1 })],
    ['an unknown frame type', { type: 'toString' } as unknown as FrameInput],
    ['a negative id', { type: 'NOTIFY', streamId: -1, messages: [] }],
    ['an id above 2^64-1', { type: 'NOTIFY', frameId: 2n ** 64n, messages: [] }],
    [
      '256 arguments',
      {
        type: 'NOTIFY',
        messages: [{ name: 'm', args: Array.from({ length: 256 }, () => ({ name: '', type: 'NULL', value: null })) }],
      },
    ],
    ['an unknown scope', { type: 'ACK', actions: [{ action: 'unset-var', scope: 'global' as 'txn', name: 'a' }] }],
  ])('refuses %s', (_, frame) => {
    expect(() => encodeFrame(frame)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_ENCODE' }))
  })
})

describe('varints', () => {
  test('golden ones both ways', () => {
    for (const { value, hex } of vectors.varints) {
      expect(encodeVarint(BigInt(value)).toString('hex')).toBe(hex)
      expect(decodeVarint(Buffer.from(hex, 'hex'))).toEqual({ value: id(value), end: hex.length / 2 })
    }
    for (const { hex } of vectors.invalidVarints) expect(() => decodeVarint(Buffer.from(hex, 'hex'))).toThrow(SpopError)
  })

  test('any 64-bit value as another implementation writes it', () => {
    fc.assert(
      fc.property(signed, (value) => {
        expect(encodeVarint(value)).toEqual(varint(value))
      }),
    )
    expect(() => encodeVarint(2n ** 64n)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_ENCODE' }))
    expect(() => encodeVarint(0.5)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_ENCODE' }))
    expect(text('abc')).toEqual(Buffer.concat([encodeVarint(3), Buffer.from('abc')]))
  })
})
