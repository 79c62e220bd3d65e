import { expect, test } from 'vitest'
import { encodeAgentDisconnect, readHaproxyDisconnect } from '../../../node-spoe/src/protocol/disconnect.ts'
import { STATUS_MESSAGES } from '../../../node-spoe/src/protocol/status.ts'
import { Cursor } from '../../../node-spoe/src/protocol/varint.ts'
import { vectors } from '../support/vectors.ts'
import { frame, kv, typed } from '../support/wire.ts'

function read(bytes: Buffer): ReturnType<typeof readHaproxyDisconnect> {
  const cursor = new Cursor()
  cursor.reset(bytes, 11, bytes.length)
  return readHaproxyDisconnect(cursor)
}

test('every golden HAPROXY-DISCONNECT is read, and its message is the one in the status table', () => {
  for (const { name, hex, decoded } of vectors.frames.filter((one) => one.decoded.type === 'HAPROXY-DISCONNECT')) {
    const [status, message] = decoded.kv!.map((entry) => entry.value)
    expect(read(Buffer.from(hex, 'hex')), name).toEqual({ status, message })
    expect(STATUS_MESSAGES[Number(status)], name).toBe(message)
  }
})

test('one without a status, or with one that is no number, counts as unknown', () => {
  expect(read(frame(2, Buffer.alloc(0)))).toEqual({ status: 99, message: '' })
  expect(read(frame(2, kv({ 'status-code': typed.string('0'), message: typed.null() })))).toEqual({
    status: 99,
    message: '',
  })
})

test('AGENT-DISCONNECT is byte for byte the golden one', () => {
  for (const { name, hex, decoded } of vectors.frames.filter((one) => one.decoded.type === 'AGENT-DISCONNECT')) {
    const status = Number(decoded.kv![0]!.value)
    if (STATUS_MESSAGES[status] === decoded.kv![1]!.value)
      expect(encodeAgentDisconnect(status).toString('hex'), name).toBe(hex)
  }
})

test('a message stays within the 255 bytes that HAProxy up to 3.0 accepts', () => {
  for (const message of Object.values(STATUS_MESSAGES)) expect(Buffer.byteLength(message)).toBeLessThan(256)
  expect(encodeAgentDisconnect(300).length).toBeLessThan(100)
})
