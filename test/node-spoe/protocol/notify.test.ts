import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ArgType } from '../../../node-spoe/src/api.ts'
import { SpopError } from '../../../node-spoe/src/errors.ts'
import { MessagePlan, checkMessages } from '../../../node-spoe/src/protocol/notify.ts'
import { Cursor } from '../../../node-spoe/src/protocol/varint.ts'
import type { FrameView } from '../../../node-spoe/src/protocol/view.ts'
import { vectors } from '../support/vectors.ts'
import { messageBytes, text, typed } from '../support/wire.ts'

/** Reads one message, given without its name. */
function read(plan: MessagePlan, bytes: Buffer): FrameView {
  const cursor = new Cursor()
  cursor.reset(bytes, 0, bytes.length)
  const view = plan.read(cursor, bytes)
  expect(cursor.position).toBe(bytes.length)
  return view
}

function args(list: Readonly<Record<string, Buffer>>): Buffer {
  return messageBytes('', list).subarray(1)
}

const get = (view: FrameView, name: string): unknown => view.get(name)

describe('a message', () => {
  test('every argument of every golden NOTIFY is read', () => {
    for (const frame of vectors.frames.filter(
      (one) => one.decoded.type === 'NOTIFY' && one.decoded.messages !== undefined,
    )) {
      const bytes = Buffer.from(frame.hex, 'hex')
      const cursor = new Cursor()
      cursor.reset(bytes, 9, bytes.length)
      cursor.skipVarint('sid')
      cursor.skipVarint('fid')
      checkMessages(cursor)
      for (const message of frame.decoded.messages!) {
        // Of unnamed arguments only the last can be reached by name.
        const named = new Map(message.args.map((arg) => [arg.name, arg]))
        const plan = new MessagePlan(
          message.name,
          Object.fromEntries([...named.keys()].map((name) => [name, 'any'] as const)),
        )
        const start = cursor.skip(cursor.varint('a name'), 'a name')
        expect(plan.matches(bytes, start, cursor.position), frame.name).toBe(true)
        const view = plan.read(cursor, bytes)
        for (const [name, arg] of named) {
          const value = get(view, name)
          const label = `${frame.name}: ${name}`
          if (arg.type === 'binary') expect(value, label).toEqual(Buffer.from(arg.valueHex!, 'hex'))
          else if (arg.type === 'string') {
            const raw = arg.valueHex === undefined ? Buffer.from(String(arg.value)) : Buffer.from(arg.valueHex, 'hex')
            expect(value, label).toBe(raw.toString('latin1'))
          } else if (/int/.test(arg.type)) expect(String(value), label).toBe(String(arg.value))
          else if (arg.type === 'ipv6') expect(value, label).toBe(String(arg.value).replace('::ffff:', ''))
          else expect(value, label).toBe(arg.value)
        }
      }
      expect(cursor.position, frame.name).toBe(bytes.length)
    }
  })

  test('an argument that is absent, NULL or of another type than declared is undefined', () => {
    const declared = { s: 'string', n: 'int', b: 'bool', i: 'ip', y: 'bytes', gone: 'string' } as const
    const plan = new MessagePlan('m', declared)
    const nulls = read(plan, args(Object.fromEntries(Object.keys(declared).map((name) => [name, typed.null()]))))
    for (const name of Object.keys(declared)) {
      expect(get(nulls, name), name).toBeUndefined()
      expect(nulls.has(name), name).toBe(false)
    }
    const wrong = read(
      plan,
      args({
        s: typed.int64(1),
        n: typed.string('1'),
        b: typed.int64(1),
        i: typed.string('::1'),
        y: typed.string('y'),
      }),
    )
    for (const name of Object.keys(declared)) expect(get(wrong, name), name).toBeUndefined()
    expect(wrong.has('s')).toBe(true)
    expect(wrong.has('gone')).toBe(false)
  })

  test('`any` tells NULL from absent', () => {
    const plan = new MessagePlan('m', { a: 'any', b: 'any' })
    const view = read(plan, args({ a: typed.null() }))
    expect(get(view, 'a')).toBeNull()
    expect(get(view, 'b')).toBeUndefined()
  })

  test('what an earlier message had does not show through in the next', () => {
    const plan = new MessagePlan('m', { secret: 'string', other: 'int' })
    expect(get(read(plan, args({ secret: typed.string('x'), other: typed.int64(1) })), 'secret')).toBe('x')
    expect(get(read(plan, args({ other: typed.int64(1) })), 'secret')).toBeUndefined()
  })

  test('an order that changes is followed, undeclared arguments are skipped', () => {
    const plan = new MessagePlan('m', { a: 'int', b: 'int' })
    for (const names of [['a', 'b'], ['b', 'a'], ['x', 'a', 'y', 'b'], ['b'], ['a', 'b']]) {
      const view = read(plan, args(Object.fromEntries(names.map((name, i) => [name, typed.int64(i)]))))
      for (const name of ['a', 'b']) {
        const at = names.indexOf(name)
        expect(get(view, name), names.join()).toBe(at < 0 ? undefined : at)
      }
    }
  })

  test('at() reads by order of declaration, equals() and type() in place', () => {
    const plan = new MessagePlan('m', { auth: 'string', n: 'int' })
    const view = read(plan, args({ n: typed.int64(300), auth: typed.string('Bearer x') }))
    expect(view.at(0)).toBe('Bearer x')
    expect(view.at(1)).toBe(300)
    expect(view.equals(0, Buffer.from('Bearer x'))).toBe(true)
    expect(view.equals(0, Buffer.from('Bearer y'))).toBe(false)
    expect(view.equals(0, Buffer.from('Bearer'))).toBe(false)
    expect(view.equals(1, Buffer.of(1))).toBe(false)
    expect([view.type('auth'), view.type('n')]).toEqual([8, 4])
  })

  test('a name or slot that was not declared is a mistake of the caller', () => {
    const view = read(new MessagePlan('m', { a: 'int' }), args({}))
    expect(() => get(view, 'b')).toThrow(expect.objectContaining({ code: 'ERR_SPOP_ARGUMENT_UNKNOWN' }))
    expect(() => view.at(1)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_ARGUMENT_UNKNOWN' }))
    expect(() => view.equals(7, Buffer.of())).toThrow(expect.objectContaining({ code: 'ERR_SPOP_ARGUMENT_UNKNOWN' }))
  })

  test('a closed view refuses to be read', () => {
    const view = read(new MessagePlan('m', { a: 'int' }), args({ a: typed.int64(1) }))
    view.close()
    for (const attempt of [() => get(view, 'a'), () => view.at(0), () => view.has('a'), () => view.type('a')]) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_SPOP_VIEW_EXPIRED' }))
    }
  })

  test('names above 239 bytes and 255 arguments are read', () => {
    const long = 'n'.repeat(300)
    const many: Record<string, Buffer> = {}
    for (let i = 0; i < 254; i++) many[`arg${i}`] = typed.int64(i)
    const view = read(new MessagePlan('m', { [long]: 'int', arg253: 'int' }), args({ ...many, [long]: typed.int64(7) }))
    expect(get(view, long)).toBe(7)
    expect(get(view, 'arg253')).toBe(253)
  })
})

const value = fc.oneof(
  fc.constant(typed.null()),
  fc.boolean().map(typed.bool),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(typed.int64),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => typed.string(bytes)),
  fc.uint8Array({ maxLength: 300 }).map(typed.binary),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map(typed.ipv6),
)

test('a message cut anywhere throws a table error and nothing else', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ maxLength: 8 }), value, { maxKeys: 8 }), fc.nat(), (list, cut) => {
      const whole = Buffer.concat([text('m'), args(list)])
      const bytes = whole.subarray(0, cut % whole.length)
      const plan = new MessagePlan(
        'm',
        Object.fromEntries(Object.keys(list).map((name): [string, ArgType] => [name, 'any'])),
      )
      const cursor = new Cursor()
      cursor.reset(bytes, 0, bytes.length)
      if (bytes.length === 0) return
      const start = cursor.position
      expect(() => checkMessages(cursor)).toThrow(SpopError)
      cursor.position = start
      expect(() => {
        cursor.skip(cursor.varint('a name'), 'a name')
        plan.read(cursor, bytes)
      }).toThrow(SpopError)
    }),
  )
})

test('bytes behind the end of the frame, though they would fit, are never taken for the message', () => {
  const whole = Buffer.concat([
    text('m'),
    args({
      a: typed.int64(300),
      b: typed.string('x'),
      c: typed.null(),
      ['n'.repeat(250)]: typed.ipv4(1, 2, 3, 4),
      z: typed.bool(true),
    }),
  ])
  const plan = new MessagePlan('m', { a: 'any', z: 'any' })
  for (let end = 2; end < whole.length; end++) {
    const cursor = new Cursor()
    cursor.reset(whole, 0, end)
    expect(() => checkMessages(cursor), `checked up to ${end}`).toThrow(SpopError)
    cursor.reset(whole, 2, end)
    expect(() => plan.read(cursor, whole), `read up to ${end}`).toThrow(SpopError)
  }
})

test('reading a message and checking it accept the same random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (random) => {
      const bytes = Buffer.concat([Buffer.of(1, 0x6d), random])
      const attempt = (run: (cursor: Cursor) => void): string => {
        const cursor = new Cursor()
        cursor.reset(bytes, 0, bytes.length)
        try {
          run(cursor)
          return 'accepted'
        } catch (error) {
          expect(error).toBeInstanceOf(SpopError)
          return 'refused'
        }
      }
      const plan = new MessagePlan('m', { a: 'any' })
      const checked = attempt(checkMessages)
      const readAll = attempt((cursor) => {
        while (cursor.position < cursor.end) {
          cursor.skip(cursor.varint('a name'), 'a name')
          plan.read(cursor, bytes)
        }
      })
      expect(readAll).toBe(checked)
    }),
    { numRuns: 3000 },
  )
})
