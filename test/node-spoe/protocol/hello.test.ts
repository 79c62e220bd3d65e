import { describe, expect, test } from 'vitest'
import { encodeAgentHello, readHaproxyHello } from '../../../node-spoe/src/protocol/hello.ts'
import { Cursor } from '../../../node-spoe/src/protocol/varint.ts'
import { golden, vectors } from '../support/vectors.ts'
import { hello, kv, typed } from '../support/wire.ts'

function read(frame: Buffer): ReturnType<typeof readHaproxyHello> {
  const cursor = new Cursor()
  cursor.reset(frame, 11, frame.length)
  return readHaproxyHello(cursor)
}

describe('HAPROXY-HELLO', () => {
  test('every golden one is read', () => {
    for (const { name, hex, decoded } of vectors.frames.filter((frame) => frame.decoded.type === 'HAPROXY-HELLO')) {
      const value = (key: string): unknown => decoded.kv?.find((entry) => entry.name === key)?.value
      expect(read(Buffer.from(hex, 'hex')), name).toEqual({
        maxFrameSize: value('max-frame-size'),
        capabilities: value('capabilities'),
        engineId: value('engine-id'),
        healthcheck: value('healthcheck') === true,
      })
    }
  })

  test('a missing frame size counts as the default, missing capabilities as none, any integer type will do', () => {
    const bare = read(hello({ 'max-frame-size': undefined, capabilities: undefined, 'engine-id': undefined }))
    expect(bare).toEqual({ maxFrameSize: 16380, capabilities: '', engineId: undefined, healthcheck: false })
    expect(read(hello({ 'max-frame-size': typed.int64(4096) })).maxFrameSize).toBe(4096)
    expect(read(hello({ 'max-frame-size': typed.uint64(2n ** 64n - 1n) })).maxFrameSize).toBeGreaterThan(2 ** 60)
  })

  test('unknown keys and another order are accepted', () => {
    expect(
      read(hello({ extra: typed.binary(Buffer.of(1)), 'supported-versions': typed.string(' 2.1, 2.0') })).engineId,
    ).toBe('test')
  })

  test.each([
    ['without versions', hello({ 'supported-versions': undefined }), 5],
    ['with versions that are no string', hello({ 'supported-versions': typed.uint32(2) }), 5],
    ['of another version', hello({ 'supported-versions': typed.string('1.0') }), 8],
    ['with a frame size below 256', hello({ 'max-frame-size': typed.uint32(255) }), 9],
    ['with a negative frame size', hello({ 'max-frame-size': typed.int64(-1) }), 9],
    ['with a frame size that is no number', hello({ 'max-frame-size': typed.string('16380') }), 9],
    ['cut inside a value', hello().subarray(0, -1), 4],
  ])('one %s is refused', (_, frame, status) => {
    expect(() => read(frame)).toThrow(expect.objectContaining({ status }))
  })

  test('the first of two equal keys counts', () => {
    const twice = Buffer.concat([hello(), kv({ 'engine-id': typed.string('other') })])
    expect(read(twice).engineId).toBe('test')
  })
})

test('AGENT-HELLO is byte for byte the one that every HAProxy accepted', () => {
  expect(encodeAgentHello(16380)).toEqual(golden('agent-hello pipelining'))
  expect(encodeAgentHello(4096)).toEqual(golden('agent-hello max-frame-size 4096'))
})
