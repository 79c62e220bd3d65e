import { expect, expectTypeOf, test } from 'vitest'
import * as api from '../../node-spoe/src/index.ts'
import { type AgentOptions, ERRORS, SpopError, createAgent, message } from '../../node-spoe/src/index.ts'

test('get() is typed by the declaration of the argument', () => {
  const handler = message({
    args: { auth: 'string', n: 'int', flag: 'bool', src: 'ip', body: 'bytes', what: 'any' },
    handle(view, reply) {
      expectTypeOf(view.get('auth')).toEqualTypeOf<string | undefined>()
      expectTypeOf(view.get('n')).toEqualTypeOf<number | bigint | undefined>()
      expectTypeOf(view.get('flag')).toEqualTypeOf<boolean | undefined>()
      expectTypeOf(view.get('src')).toEqualTypeOf<string | undefined>()
      expectTypeOf(view.get('body')).toEqualTypeOf<Buffer | undefined>()
      expectTypeOf(view.get('what')).toEqualTypeOf<string | Buffer | boolean | number | bigint | null | undefined>()
      // @ts-expect-error -- not declared
      void (() => view.get('other'))
      // @ts-expect-error -- HAProxy would take NULL for an unset
      void (() => reply.setVar('txn', 'a', null))
      // @ts-expect-error -- no such scope
      void (() => reply.setVar('global', 'a', 1))
    },
  })
  expectTypeOf(handler.args.auth).toEqualTypeOf<'string'>()
  expectTypeOf({ messages: { handler } }).toExtend<AgentOptions>()
  expect(() => createAgent({ messages: { handler } })).not.toThrow()
})

test('the package exports these values and nothing else', () => {
  expect(Object.keys(api).toSorted()).toEqual(['ERRORS', 'SpopError', 'createAgent', 'message'])
})

test('error codes are unique, and every gap in a message is filled', () => {
  expect(new Set(ERRORS.map((entry) => entry.code)).size).toBe(ERRORS.length)
  for (const { code, message: template } of ERRORS) {
    const error = new SpopError(code, 'one', 2, 'three')
    expect(error).toMatchObject({ code, name: 'SpopError' })
    expect(error.message).not.toMatch(/[{}?]/)
    expect(template.length).toBeGreaterThan(10)
  }
})
