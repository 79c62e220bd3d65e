import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ActionWriter,
  type VariableValue,
  ackSize,
  actionsLimit,
  writeAck,
} from '../../../node-spoe/src/protocol/ack.ts'
import { SCOPES, type Scope, VariableNames } from '../../../node-spoe/src/protocol/variable.ts'
import { golden } from '../support/vectors.ts'
import { actions, frames, varint } from '../support/wire.ts'

const names = new VariableNames()

function writer(limit = 16_000): ActionWriter {
  const result = new ActionWriter()
  result.reset(limit)
  return result
}

function set(to: ActionWriter, scope: Scope, name: string, value: VariableValue): void {
  to.setVar(SCOPES[scope], names.encode(scope, name), value)
}

function ack(from: ActionWriter, ids: Buffer = Buffer.of(1, 1)): Buffer {
  const out = Buffer.alloc(ackSize(ids.length, from.length))
  expect(writeAck(out, 0, ids, 0, ids.length, from)).toBe(out.length)
  return out
}

function only(value: VariableValue): unknown {
  const to = writer(2_000_000)
  set(to, 'txn', 'v', value)
  return actions(frames(ack(to))[0]!.payload)[0]![1]
}

describe('ACK', () => {
  test('the golden ACKs come out byte for byte', () => {
    expect(ack(writer())).toEqual(golden('ack empty'))
    expect(ack(writer(), varint(241).length === 2 ? Buffer.from('f10001', 'hex') : Buffer.of())).toEqual(
      golden('ack empty, stream-id 241'),
    )
    const three = writer()
    set(three, 'txn', 'user', 'alice')
    set(three, 'txn', 'allow', true)
    set(three, 'txn', 'score', -42)
    three.unsetVar(SCOPES.txn, names.encode('txn', 'err'))
    expect(ack(three)).toEqual(golden('ack set three, unset one'))
    const deny = writer()
    set(deny, 'txn', 'decision', 'deny')
    set(deny, 'txn', 'status', 401)
    set(deny, 'txn', 'reason', 'token_expired')
    set(deny, 'txn', 'challenge', 'Bearer realm="api", error="invalid_token"')
    expect(ack(deny)).toEqual(golden('ack decision deny'))
  })

  test('every scope has its code', () => {
    for (const scope of Object.keys(SCOPES) as Scope[]) {
      const to = writer()
      set(to, scope, 'a', 1)
      to.unsetVar(SCOPES[scope], names.encode(scope, 'a'))
      expect(actions(frames(ack(to))[0]!.payload)).toEqual([
        [`set ${scope}.a`, 1n],
        [`unset ${scope}.a`, undefined],
      ])
    }
  })

  test('addresses go out as 4 or 16 bytes, bytes as BINARY', () => {
    expect(only({ ip: '192.0.2.10' })).toBe('c000020a')
    expect(only({ ip: '2001:db8::1' })).toBe('20010db8000000000000000000000001')
    expect(only(Buffer.of(0, 255, 16))).toEqual(Buffer.of(0, 255, 16))
  })

  test('any string goes out as UTF-8, around every length where the encoding changes', () => {
    for (const length of [0, 1, 79, 80, 239, 240, 241, 2287, 2288, 5000]) {
      for (const character of ['a', 'é', '€', '😀'])
        expect(only(character.repeat(length))).toBe(character.repeat(length))
    }
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (value) => {
        expect(only(value)).toBe(Buffer.from(value).toString())
      }),
    )
  })

  test('any signed 64-bit integer goes out exactly, as number or bigint', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(only(value)).toBe(value)
      }),
    )
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(only(value)).toBe(BigInt(value))
      }),
    )
    expect(only(-0)).toBe(0n)
    expect(only(2 ** 60)).toBe(2n ** 60n)
  })

  test.each([
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['2^63', 2n ** 63n],
    ['2^63 as a number', 2 ** 63],
    ['below -2^63', -(2n ** 63n) - 1n],
    ['no address', { ip: 'localhost' }],
    ['null, which HAProxy would take for an unset', null],
    ['undefined', undefined],
    ['an object', {}],
    ['a symbol', Symbol('x')],
  ])('%s is refused and leaves the writer as it was', (_, value) => {
    const to = writer()
    set(to, 'txn', 'before', true)
    const { length } = to
    expect(() => set(to, 'txn', 'v', value as VariableValue)).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_VARIABLE_VALUE' }),
    )
    expect(to.length).toBe(length)
    expect(to.overflow).toBe(false)
  })

  test('an ACK is exactly as long as the agreed size or overflows, never longer', () => {
    const ids = Buffer.of(1, 1)
    const limit = actionsLimit(256, ids.length)
    const overhead = 3 + 2 + 1 + 2 // set-var, nb-args, scope; name; type; length of two bytes… or one below 240
    for (const length of [limit - overhead, limit - overhead + 1, limit - overhead + 2, 1000, 5_000_000]) {
      const to = writer(limit)
      set(to, 'txn', 'v', 'x'.repeat(length))
      expect(ack(to, ids).length - 4).toBeLessThanOrEqual(256)
      expect(to.overflow, String(length)).toBe(3 + 2 + 1 + varint(length).length + length > limit)
    }
    const exact = writer(limit)
    const filling = [...Array(400).keys()].find((n) => 6 + varint(n).length + n === limit)!
    set(exact, 'txn', 'v', 'x'.repeat(filling))
    expect(ack(exact, ids).readUInt32BE(0)).toBe(256)
    exact.unsetVar(SCOPES.txn, names.encode('txn', 'a'))
    expect(exact.overflow).toBe(true)
    expect(exact.length).toBe(limit)
  })
})
